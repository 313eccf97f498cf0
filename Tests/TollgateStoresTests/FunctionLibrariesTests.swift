import Testing
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct FunctionLibrariesTests {
    private static let key = "tollgate:{policy}:libraries"
    private static let day: Int64 = 86_400_000
    private static let now: Int64 = 1_795_000_000_000

    private func with(
        hasFunctions: Bool = true, _ body: (FunctionLibraries, TestRedis) async throws -> Void
    ) async throws {
        let redis = try TestRedis(hasFunctions: hasFunctions)
        try await withStoreLink(to: redis) { link in
            try await body(FunctionLibraries(link: link, namespace: "tollgate"), redis)
        }
    }

    private func load(_ name: String, _ redis: TestRedis) throws {
        let text = "#!lua name=\(name)\nredis.register_function('\(name)_f', function() return 1 end)"
        #expect(try redis.cli("FUNCTION", "LOAD", text) == name)
    }

    private func loaded(_ redis: TestRedis) throws -> [String] {
        let words = try redis.cli("FUNCTION", "LIST").split(separator: "\n").map(String.init)
        return words.indices.filter { words[$0] == "library_name" }.map { words[$0 + 1] }.sorted()
    }

    @Test("a library not noted for a day is deleted; a younger one and one that was never noted are not")
    func deletion() async throws {
        try await with { libraries, redis in
            for name in ["old", "edge", "young", "foreign", "own"] { try load(name, redis) }
            for (name, age) in [("old", 2 * Self.day), ("edge", Self.day), ("young", Self.day - 1)] {
                try redis.cli("HSET", Self.key, name, "\(Self.now - age)")
            }
            #expect(try await libraries.keep("own", at: Self.now) == nil)
            #expect(try loaded(redis) == ["foreign", "own", "young"])
            #expect(try redis.hash(Self.key) == ["young": "\(Self.now - Self.day + 1)", "own": "\(Self.now)"])

            #expect(try await libraries.keep("own", at: Self.now + 1) == nil)
            #expect(try loaded(redis) == ["foreign", "own"])
        }
    }

    @Test("a library that is noted again remains; the note of a missing library is deleted")
    func renewal() async throws {
        try await with { libraries, redis in
            try load("own", redis)
            for day in 0..<3 {
                #expect(try await libraries.keep("own", at: Self.now + Int64(day) * 2 * Self.day) == nil)
            }
            try redis.cli("HSET", Self.key, "gone", "1")
            #expect(try await libraries.keep("own", at: Self.now + 6 * Self.day) == nil)
            #expect(try loaded(redis) == ["own"])
            #expect(try redis.hash(Self.key) == ["own": "\(Self.now + 6 * Self.day)"])
        }
    }

    @Test("notes have Redis's time, and expire")
    func clock() async throws {
        try await with { libraries, redis in
            #expect(try await libraries.keep() == nil)
            let seconds = try #require(Int64(redis.cli("TIME").split(separator: "\n")[0]))
            let noted = try #require(Int64(redis.hash(Self.key)[RedisLibrary.tollgate.name] ?? ""))
            #expect(abs(noted - seconds * 1_000) < 15_000)
            let seconds90Days = 90 * 86_400
            #expect(try (seconds90Days - 15...seconds90Days).contains(#require(Int(redis.cli("TTL", Self.key)))))
        }
    }

    @Test("a denied deletion is reported, and the note remains for a sidecar with the permission")
    func denied() async throws {
        try await with(hasFunctions: false) { libraries, redis in
            #expect(try await libraries.keep("old", at: Self.now - 2 * Self.day) == nil)
            let denial = try await libraries.keep("own", at: Self.now)
            #expect(denial?.hasPrefix("NOPERM") == true)
            #expect(try redis.hash(Self.key).keys.sorted() == ["old", "own"])
        }
    }
}
