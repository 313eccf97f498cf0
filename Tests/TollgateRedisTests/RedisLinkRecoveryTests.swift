import Logging
import NIOCore
import Testing
import TollgateRedis
import TollgateTestSupport

@Suite("The link to a Redis that is not well")
struct RedisLinkRecoveryTests {
    @Test("recovers when the server is killed and comes back")
    func serverKilled() async throws {
        let redis = try TestRedis(tcp: true)
        for address in [redis.address, try redis.tcpAddress] {
            try await TestLink.with(address) { link in
                try await eventually { try await link.isReady }
                #expect(try await link.call(TestLibrary.greet, "you") == .success(.bulk("hello you")))
                redis.stop()
                try await eventually { try await !link.isReady }
                try redis.start()
                try await eventually { try await link.isReady }
                // It has lost the library with all else.
                #expect(try await link.call(TestLibrary.greet, "again") == .success(.bulk("hello again")))
            }
        }
    }

    @Test("recovers when Redis closes the connection")
    func clientKill() async throws {
        let redis = try TestRedis()
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            try redis.cli("CLIENT", "KILL", "TYPE", "normal")
            try await eventually { try await link.statuses.contains(.down(reason: "closed by Redis")) }
            try await eventually { try await link.isReady }
            #expect(try await link.send("PING") == .success(.simple("PONG")))
        }
    }

    @Test("whoever waits for a reply is told of the loss, each exactly once")
    func pendingFail() async throws {
        let redis = try TestRedis()
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            redis.freeze(true)
            let results = Results()
            try await link.run { link in
                for _ in 0..<50 { link.send(encoded(["PING"])) { results.append($0) } }
            }
            redis.stop()
            try await eventually { results.all.count == 50 }
            #expect(results.all.allSatisfy { $0 == .failure(.connectionLost("closed by Redis")) || $0.isReset })
            try redis.start()
            try await eventually { try await link.isReady }
            #expect(try await link.send("PING") == .success(.simple("PONG")))
            #expect(results.all.count == 50)
        }
    }

    @Test("a caller can give up a connection; its late replies reach nobody")
    func disconnect() async throws {
        let redis = try TestRedis()
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            redis.freeze(true)
            let results = Results()
            try await link.run { link in
                link.send(encoded(["ECHO", "late"])) { result in
                    results.append(result)
                    // Called from within a completion, and before there is a connection again.
                    link.send(encoded(["PING"])) { results.append($0) }
                }
                link.disconnect(reason: "too late")
            }
            #expect(results.all == [.failure(.connectionLost("too late")), .failure(.notConnected)])
            redis.freeze(false)
            try await eventually { try await link.isReady }
            #expect(try await link.send("ECHO", "new") == .success(.bulk("new")))
            #expect(results.all.count == 2)
        }
    }

    @Test("a shutdown tells those who wait, too")
    func shutdownWithPending() async throws {
        let redis = try TestRedis()
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            redis.freeze(true)
            let results = Results()
            try await link.run { $0.send(encoded(["PING"])) { results.append($0) } }
            try await link.shutdown()
            #expect(results.all == [.failure(.connectionLost("shutting down"))])
        }
    }

    @Test("wrong and missing passwords are told apart from an outage; the right one is let in")
    func credentials() async throws {
        let redis = try TestRedis(password: "s3cret")
        for (login, code) in [
            (":wrong@", "AUTH: WRONGPASS"), ("", "PING: NOAUTH"), ("nobody:s3cret@", "AUTH: WRONGPASS"),
        ] {
            try await TestLink.with(RedisAddress("unix://\(login)\(redis.socketPath)")) { link in
                try await eventually { try await link.status.refusal?.hasPrefix(code) == true }
            }
        }
        try await TestLink.with(RedisAddress("unix://\(redis.socketPath)")) { link in
            try await eventually { try await link.status.refusal != nil }
            try redis.cli("CONFIG", "SET", "requirepass", "")
            try await eventually { try await link.isReady }
        }
    }

    @Test("a database that is not there is named")
    func database() async throws {
        let redis = try TestRedis()
        try await TestLink.with(RedisAddress("unix://\(redis.socketPath)?db=99")) { link in
            let reason = "SELECT 99: ERR DB index is out of range"
            try await eventually { try await link.status == .down(reason: reason) }
        }
    }

    @Test("a listener that never answers is given up, and a shutdown does not wait for it")
    func silentListener() async throws {
        try await TestListener.with(answer: nil) { listener in
            try await TestLink.with(listener.address) { link in
                try await eventually { try await link.status == .down(reason: "no answer to the handshake") }
            }
        }
    }

    @Test("a listener that speaks something else is given up")
    func otherProtocol() async throws {
        try await TestListener.with(answer: "HTTP/1.1 400 Bad Request\r\n\r\n") { listener in
            try await TestLink.with(listener.address) { link in
                try await eventually {
                    try await link.status.description.hasPrefix("down: invalid reply from Redis: ")
                }
            }
        }
    }

    @Test("Redis sent a reply without a command ends the connection")
    func unexpectedReply() async throws {
        try await TestListener.with(answer: "+PONG\r\n$0\r\n\r\n+EXTRA\r\n") { listener in
            try await TestLink.with(listener.address) { link in
                try await eventually {
                    try await link.statuses.contains(.down(reason: "Redis sent a reply without a command"))
                }
            }
        }
    }

    @Test("a replica's READONLY is answered and makes the link connect anew")
    func readOnly() async throws {
        let redis = try TestRedis()
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            try redis.cli("REPLICAOF", "127.0.0.1", "1")
            guard case .success(.error(let sentence)) = try await link.send("SET", "key", "value") else {
                Issue.record("no error")
                return
            }
            #expect(sentence.hasPrefix("READONLY"))
            #expect(try await link.statuses.contains(.down(reason: sentence)))
            try redis.cli("REPLICAOF", "NO", "ONE")
            try await eventually { try await link.isReady }
            #expect(try await link.send("SET", "key", "value") == .success(.simple("OK")))
        }
    }

    @Test("an outage is one line in the log, its end another, and no line shows the password")
    func log() async throws {
        let redis = try TestRedis(password: "s3cret")
        let lines = LogLines()
        try await TestLink.with(redis.address, logger: lines.logger) { link in
            try await eventually { try await link.isReady }
            redis.stop()
            try await eventually { try await link.status == .down(reason: "no such file or directory") }
            try redis.start()
            try await eventually { try await link.isReady }
        }
        #expect(lines.all.map(\.level) == [.info, .warning, .info])
        #expect(!lines.all.contains { $0.text.contains("s3cret") })
    }
}

extension RedisLinkStatus {
    fileprivate var refusal: String? {
        if case .refused(let reason) = self { reason } else { nil }
    }
}

extension Result<RedisReply, RedisError> {
    fileprivate var isReset: Bool { self == .failure(.connectionLost("connection reset by peer")) }
}
