import NIOCore
import Testing
import TollgateRedis
import TollgateTestSupport

@Suite("The link to a Redis that is well")
struct RedisLinkTests {
    @Test("connects over a Unix socket and over TCP, by address and by name")
    func connects() async throws {
        let redis = try TestRedis(tcp: true)
        let byName = try RedisAddress("redis://localhost:\(#require(redis.port))")
        for address in [redis.address, try redis.tcpAddress, byName] {
            try await TestLink.with(address) { link in
                try await eventually { try await link.isReady }
                #expect(try await link.send("SET", "key", "value") == .success(.simple("OK")))
                #expect(try await link.send("GET", "key") == .success(.bulk("value")))
                #expect(try await link.statuses.last == .ready)
            }
        }
    }

    @Test("replies come in the order of the commands")
    func order() async throws {
        let redis = try TestRedis()
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<2_000 {
                    group.addTask { try await link.send("ECHO", "\(number)") == .success(.bulk("\(number)")) }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test("a large argument and a large reply go through")
    func large() async throws {
        let redis = try TestRedis()
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            let text = String(repeating: "0123456789", count: 800_000)
            #expect(try await link.send("ECHO", text) == .success(.bulk(text)))
        }
    }

    @Test("a command before the connection fails at once")
    func tooEarly() async throws {
        let folder = try TemporaryFolder()
        try await TestLink.with(RedisAddress(unixSocket: folder.path + "/nobody")) { link in
            #expect(try await link.send("PING") == .failure(.notConnected))
            try await eventually { try await link.status == .down(reason: "no such file or directory") }
        }
    }

    @Test("the password is given, with and without a user")
    func password() async throws {
        let redis = try TestRedis(tcp: true, password: "s3cret")
        try redis.cli("ACL", "SETUSER", "alice", "on", ">hers", "~*", "+@all")
        let hers = try RedisAddress("unix://alice:hers@\(redis.socketPath)")
        for (address, user) in [(redis.address, "default"), (try redis.tcpAddress, "default"), (hers, "alice")] {
            try await TestLink.with(address) { link in
                try await eventually { try await link.isReady }
                #expect(try await link.send("ACL", "WHOAMI") == .success(.bulk(user)))
            }
        }
    }

    @Test("the database is selected")
    func database() async throws {
        let redis = try TestRedis()
        try await TestLink.with(RedisAddress("unix://\(redis.socketPath)?db=7")) { link in
            try await eventually { try await link.isReady }
            #expect(try await link.send("SET", "key", "value") == .success(.simple("OK")))
            #expect(try redis.cli("EVAL", "redis.call('SELECT', 7) return redis.call('GET', 'key')", "0") == "value")
            #expect(try redis.cli("EXISTS", "key") == "0")
        }
    }

    @Test("an error of Redis is a reply, and the connection stays")
    func errorReply() async throws {
        let redis = try TestRedis()
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            let statuses = try await link.statuses
            guard case .success(.error(let sentence)) = try await link.send("NONSENSE") else {
                Issue.record("no error")
                return
            }
            #expect(sentence.hasPrefix("ERR unknown command"))
            #expect(try await link.statuses == statuses)
        }
    }

    @Test("a shutdown right after the start completes, whoever is there or not")
    func earlyShutdown() async throws {
        let redis = try TestRedis()
        let nobody = RedisAddress(unixSocket: redis.socketPath + ".missing")
        try await TestListener.with(answer: nil) { listener in
            for address in [redis.address, nobody, listener.address] {
                try await TestLink.with(address) { link in
                    try await link.shutdown()
                    let statuses = try await link.statuses
                    #expect(statuses.last == .closed)
                    #expect(statuses.filter { $0 == .closed }.count == 1)
                }
            }
        }
    }

    @Test("after the shutdown nothing is sent and the connection is gone")
    func shutdown() async throws {
        let redis = try TestRedis()
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            try await link.shutdown()
            #expect(try await link.send("PING") == .failure(.notConnected))
            #expect(try await link.status == .closed)
            // redis-cli itself is one.
            try await eventually { try redis.cli("CLIENT", "LIST").split(separator: "\n").count == 1 }
            try await link.shutdown()
        }
    }
}
