import Logging
import NIOCore
import Synchronization
import Testing
import TollgateTestSupport

@testable import TollgateRedis

@Suite("Calls of Redis functions")
struct RedisFunctionTests {
    private static func calls(of command: String, _ redis: TestRedis) throws -> Int {
        let lines = try redis.cli("INFO", "commandstats").split(whereSeparator: \.isNewline)
        let line = lines.first { $0.hasPrefix("cmdstat_\(command):calls=") }
        return Int(line?.split(separator: "=")[1].prefix { $0.isNumber } ?? "0") ?? 0
    }

    @Test("a library is named by its text, and its functions by it")
    func names() {
        let one = TestLibrary.function("f", "return 1")
        let other = TestLibrary.function("f", "return 2")
        #expect(one.library.name.hasPrefix("test_") && one.library.name.count == 21)
        #expect(one.library.name == TestLibrary.function("f", "return 1").library.name)
        #expect(one.library.name != other.library.name)
        #expect(one.name == "\(one.library.name)_f")
        #expect(one.library.source.hasPrefix("#!lua name=\(one.library.name)\n"))
    }

    @Test("the first call loads the library, and no call loads a script")
    func loads() async throws {
        let redis = try TestRedis(hasFunctions: true)
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            for name in ["you", "me"] {
                #expect(try await link.call(TestLibrary.greet, name) == .success(.bulk("hello \(name)")))
            }
        }
        #expect(try Self.calls(of: "function|load", redis) == 1)
        #expect(try Self.calls(of: "fcall", redis) == 3)
        #expect(try Self.calls(of: "evalsha", redis) == 0)
        #expect(try redis.cli("FUNCTION", "LIST").contains(TestLibrary.greet.library.name))
    }

    @Test("two libraries of one prefix stand beside each other")
    func sideBySide() async throws {
        let redis = try TestRedis(hasFunctions: true)
        let (old, new) = (TestLibrary.function("f", "return 1"), TestLibrary.function("f", "return 2"))
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            for _ in 0..<3 {
                #expect(try await link.call(old) == .success(.integer(1)))
                #expect(try await link.call(new) == .success(.integer(2)))
            }
        }
        #expect(try Self.calls(of: "function|load", redis) == 2)
    }

    @Test("what Redis forgot is loaded again", arguments: [["FLUSH"], ["DELETE", TestLibrary.greet.library.name]])
    func forgotten(words: [String]) async throws {
        let redis = try TestRedis(hasFunctions: true)
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            let statuses = try await link.statuses
            for name in ["you", "me", "all"] {
                #expect(try await link.call(TestLibrary.greet, name) == .success(.bulk("hello \(name)")))
                try redis.cli(["FUNCTION"] + words)
            }
            #expect(try await link.statuses == statuses)
        }
    }

    @Test("calls that are sent right behind each other each get their answer, though all find nothing there")
    func pipeline() async throws {
        let redis = try TestRedis(hasFunctions: true)
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            let results = Results()
            for _ in 0..<3 {
                try redis.cli("FUNCTION", "FLUSH")
                try await link.run { link in
                    for number in 0..<20 {
                        let arguments = RedisFunctionArguments(keys: [], arguments: ["\(number)"])
                        link.call(TestLibrary.greet, arguments) { results.append($0) }
                        if number == 10 { link.send(encoded(["FUNCTION", "FLUSH"])) { _ in } }
                    }
                }
            }
            try await eventually { results.all.count == 60 }
            for number in 0..<20 {
                #expect(results.all.filter { $0 == .success(.bulk("hello \(number)")) }.count == 3)
            }
        }
    }

    @Test("what Redis forgets between the loading and the call is loaded once more")
    func forgottenAgain() async throws {
        let redis = try TestRedis(hasFunctions: true)
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            // The link gives up a call after five loads, so at most three flushes may hit the same call.
            let flushes = Mutex(0)
            let flushing = Task.detached {
                while !Task.isCancelled {
                    let mayFlush = flushes.withLock { count in
                        count += 1
                        return count <= 3
                    }
                    if mayFlush { try redis.cli("FUNCTION", "FLUSH") }
                    try await Task.sleep(for: .milliseconds(1))
                }
            }
            defer { flushing.cancel() }
            for number in 0..<200 {
                #expect(try await link.call(TestLibrary.greet, "\(number)") == .success(.bulk("hello \(number)")))
                flushes.withLock { $0 = 0 }
            }
        }
    }

    @Test("a function that its library does not have is given up after some loadings")
    func wrongFunction() async throws {
        let redis = try TestRedis(hasFunctions: true)
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            let wrong = RedisFunction("other", of: TestLibrary.greet.library, script: "return 1")
            #expect(try await link.call(wrong) == .success(.error("ERR Function not found")))
            #expect(try Self.calls(of: "function|load", redis) == 5)
        }
    }

    @Test("a call whose deadline has passed is not sent again")
    func unwanted() async throws {
        let redis = try TestRedis(hasFunctions: true)
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            let results = Results()
            try await link.run { link in
                let arguments = RedisFunctionArguments(keys: [], arguments: ["you"])
                link.call(TestLibrary.greet, arguments, deadline: .now()) { results.append($0) }
            }
            try await eventually { results.all.count == 1 }
            #expect([.success(.error("ERR Function not found")), .failure(.timedOut)].contains(results.all[0]))
            try await link.run { $0.send(["PING"]) { results.append($0) } }
            try await eventually { results.all.count == 2 }
            #expect(try Self.calls(of: "function|load", redis) == 0)
        }
    }

    @Test(
        "where functions are denied, scripts do the same for as long as the connection lives",
        arguments: [["-fcall"], ["-function"], ["-function", "-fcall"]])
    func denied(rights: [String]) async throws {
        let redis = try TestRedis(hasFunctions: true)
        try redis.cli(["ACL", "SETUSER", "default"] + rights)
        try await TestLink.with(redis.address) { link in
            let denials = Results()
            try await link.run { $0.onFunctionsDenied = { denials.append(.success(.error($0))) } }
            try await eventually { try await link.isReady }
            for name in ["you", "me"] {
                #expect(try await link.call(TestLibrary.greet, name) == .success(.bulk("hello \(name)")))
                // Scripts are loaded again too.
                try redis.cli("SCRIPT", "FLUSH")
            }
            #expect(try await link.usesFunctions == false)
            #expect(denials.all.count == 1)
            #expect(try Self.calls(of: "script|load", redis) == 2)

            try redis.cli("ACL", "SETUSER", "default", "+@all")
            #expect(try await link.call(TestLibrary.greet, "again") == .success(.bulk("hello again")))
            #expect(try Self.calls(of: "function|load", redis) == 0)

            try redis.cli("CLIENT", "KILL", "TYPE", "normal")
            try await eventually { try await link.statuses.contains(.down(reason: "closed by Redis")) }
            try await eventually { try await link.isReady }
            #expect(try await link.call(TestLibrary.greet, "new") == .success(.bulk("hello new")))
            #expect(try await link.usesFunctions)
            #expect(try Self.calls(of: "function|load", redis) == 1)
        }
    }

    @Test("a right that a running sidecar loses is noticed at the next call")
    func deniedLater() async throws {
        let redis = try TestRedis(hasFunctions: true)
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            #expect(try await link.call(TestLibrary.greet, "you") == .success(.bulk("hello you")))
            try redis.cli("ACL", "SETUSER", "default", "-fcall")
            #expect(try await link.call(TestLibrary.greet, "me") == .success(.bulk("hello me")))
            #expect(try await link.usesFunctions == false)
        }
    }

    @Test("with no right to scripts either, the refusal is the answer")
    func deniedBoth() async throws {
        let redis = try TestRedis(hasFunctions: true)
        try redis.cli("ACL", "SETUSER", "default", "-fcall", "-evalsha")
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            guard case .success(.error(let sentence)) = try await link.call(TestLibrary.greet, "you") else {
                Issue.record("the call went through")
                return
            }
            #expect(sentence.hasPrefix("NOPERM") && sentence.contains("'evalsha'"))
        }
    }

    @Test("a Redis without memory takes no library, and still answers what only reads")
    func outOfMemory() async throws {
        let redis = try TestRedis(hasFunctions: true)
        let write = TestLibrary.function("write", "return redis.call('SET', 'key', '1')")
        try redis.cli("CONFIG", "SET", "maxmemory", "1")
        try await TestLink.with(redis.address) { link in
            try await eventually { try await link.isReady }
            #expect(try await link.call(TestLibrary.greet, "you") == .success(.bulk("hello you")))
            guard case .success(.error(let sentence)) = try await link.call(write) else {
                Issue.record("the call went through")
                return
            }
            #expect(sentence.hasPrefix("OOM "))
            // That says nothing of rights.
            #expect(try await link.usesFunctions)
            try redis.cli("CONFIG", "SET", "maxmemory", "0")
            #expect(try await link.call(TestLibrary.greet, "you") == .success(.bulk("hello you")))
            #expect(try await link.call(write) == .success(.simple("OK")))
            #expect(try redis.cli("FUNCTION", "LIST").contains(TestLibrary.greet.library.name))
            // A library that is there is refused before it runs, but for what only reads.
            try redis.cli("CONFIG", "SET", "maxmemory", "1")
            let evaluated = try Self.calls(of: "evalsha", redis)
            #expect(try await link.call(TestLibrary.greet, "you") == .success(.bulk("hello you")))
            guard case .success(.error(let second)) = try await link.call(write) else {
                Issue.record("the call went through")
                return
            }
            #expect(second.hasPrefix("OOM "))
            #expect(try Self.calls(of: "evalsha", redis) == evaluated)
        }
    }
}
