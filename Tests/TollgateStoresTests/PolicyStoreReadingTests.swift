import NIOCore
import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct PolicyStoreReadingTests {
    private static let limits = [
        Limit(
            .requests, .sliding(seconds: 60), max: 10, mode: .shadow, thresholds: [50, 100], onRedisFailure: .closed),
        Limit(.cost, .month, max: 100_250_000_001), Limit(.tokens, .day, max: nil),
        Limit(.concurrent, .reservation, max: 0),
    ]

    private func sorted(_ limits: [Limit]) -> [String] { limits.map { "\($0)" }.sorted() }

    @Test("all settings are read back unchanged, individually and together")
    func roundTrip() async throws {
        try await PolicyStoreHarness.with { harness in
            let store = harness.store
            #expect(try await store.shared().revision == 0)
            let tier = Tier(
                id: "gold", name: "Gold \"é\" {}", limits: [Limit(.cost, .month, max: 1)], timeZone: "Europe/Berlin",
                resetHour: 6, billingDay: 15)
            #expect(try await harness.apply(.setTier(tier)) == 1)
            var assignments: [Assignment] = []
            for (place, subject)
                in (PolicyStoreHarness.oddIDs.map(Assignment.Subject.role) + [.emailDomain("é.com"), .everyone])
                .enumerated()
            {
                let assignment = Assignment(
                    subject, tier: "gold", priority: -place, isEnabled: place % 2 == 0, order: Int64(place + 2),
                    origin: .admin)
                assignments.append(assignment)
                try await harness.apply(.setAssignment(assignment, tierIsInFile: false))
                let stored = try #require(try await store.assignment(subject))
                #expect(stored.item == assignment && stored.version == assignment.order)
            }
            let shared = try await store.shared()
            #expect(shared.revision == Int64(assignments.count + 1))
            #expect(shared.tiers.mapValues(\.item) == ["gold": tier])
            #expect(shared.assignments.map(\.item).sorted { $0.order < $1.order } == assignments)
            #expect(try await store.tier("gold")?.version == 1)
            #expect(try await store.tier("silver") == nil)
            #expect(try await store.assignment(.role("nobody")) == nil)
        }
    }

    @Test("settings of scopes with unusual names are read back for the right scope")
    func settings() async throws {
        try await PolicyStoreHarness.with { harness in
            for (place, id) in PolicyStoreHarness.oddIDs.enumerated() {
                let user = try Scope(parts: [.init(kind: "user", id: id)])
                let pair = try Scope(parts: [.init(kind: "user", id: id), .init(kind: "tool", id: id)])
                let assignment = Assignment(.user(user), tier: "t\(place)")
                try await harness.apply(.setAssignment(assignment, tierIsInFile: true))
                try await harness.apply(.setLimits(pair, Self.limits))
                try await harness.apply(.setOverride(pair, try harness.override(seconds: 60, reason: id)))
            }
            for (place, id) in PolicyStoreHarness.oddIDs.enumerated() {
                let user = try Scope(parts: [.init(kind: "user", id: id)])
                let pair = try Scope(parts: [.init(kind: "user", id: id), .init(kind: "tool", id: id)])
                let stored = try await harness.store.settings(of: user)
                #expect(stored.settings.assignment?.tier == "t\(place)")
                #expect(stored.settings.assignment?.subject == .user(user))
                #expect(stored.limits == nil && stored.override == nil)
                let both = try await harness.store.settings(of: pair)
                #expect(sorted(both.settings.limits) == sorted(Self.limits))
                #expect(both.override?.item.reason == id)
                #expect(both.settings.override?.additions == [.init(.cost, .month, amount: 50_000_000_000)])
            }
            let nothing = try await harness.store.settings(of: .global)
            #expect(nothing.settings == .none)
        }
    }

    @Test("the error names a malformed field, wherever it is read")
    func corrupt() async throws {
        try await PolicyStoreHarness.with { harness in
            let (keys, store, alice) = (harness.keys, harness.store, try Scope(parsing: "user:alice"))
            let settings = keys.settings(of: "user:alice")
            let broken = [
                "", "{}", "gold", #"{"item":{"tier":"t"},"order":1,"version":}"#, #"{"item":{"tier":"t"},"order":1}"#,
                #"{"item":{"tier":"t"},"order":1,"version":1234567890123456}"#,
                #"{"item":{"tier":""},"order":1,"version":1}"#,
                #"{"item":{"tier":"t","limits":{"cost":3}},"order":1,"version":1}"#,
                #"{"item":{"tier":"t"}},"order":1,"version":1}"#, #"{"item":"#, "\u{1}",
            ]
            for text in broken {
                for (key, field) in [
                    (keys.tiers, "gold"), (keys.assignments, "role:r"), (settings, "assignment"), (settings, "limits"),
                    (settings, "override"),
                ] {
                    try harness.redis.cli("HSET", key, field, text)
                    func isNamed(_ error: StoreError) -> Bool {
                        if case .corrupt(let sentence) = error {
                            sentence.hasPrefix("\(key), field \(field): ")
                        } else {
                            false
                        }
                    }
                    await #expect("\(text) in \(key)") {
                        if key == settings {
                            _ = try await store.settings(of: alice)
                        } else {
                            _ = try await store.shared()
                        }
                    } throws: { ($0 as? StoreError).map(isNamed) ?? false }
                    try harness.redis.cli("DEL", key)
                }
            }
        }
    }

    @Test("the error names a key of another type")
    func otherType() async throws {
        try await PolicyStoreHarness.with { harness in
            let alice = try Scope(parsing: "user:alice")
            for key in [harness.keys.tiers, harness.keys.assignments, harness.keys.settings(of: "user:alice")] {
                try harness.redis.cli("SET", key, "x")
                await #expect(throws: StoreError.corrupt("\(key): wrong data type")) {
                    _ = try await harness.store.settings(of: alice)
                    _ = try await harness.store.shared()
                }
                try harness.redis.cli("DEL", key)
            }
        }
    }

    @Test("a malformed field is not overwritten")
    func corruptEdit() async throws {
        try await PolicyStoreHarness.with { harness in
            let (keys, alice) = (harness.keys, try Scope(parsing: "user:alice"))
            let settings = keys.settings(of: "user:alice")
            for text in ["x", #"{"item":{"tier":"t"},"order":1,"version":1,}"#, #"{"item":{,},"order":1,"version":1}"#]
            {
                for (key, field, edit) in [
                    (keys.tiers, "gold", PolicyEdit.deleteTier("gold", isInFile: true)),
                    (settings, "limits", .setLimits(alice, [])),
                    (settings, "override", .setOverride(alice, try harness.override(seconds: 60))),
                ] {
                    try harness.redis.cli("HSET", key, field, text)
                    let refusal = StoreError.corrupt("\(key), field \(field): malformed value")
                    for precondition in [Precondition.absent, .any, .version(1)] {
                        try await harness.expectRefusal(refusal, of: edit, if: precondition)
                    }
                    try harness.redis.cli("DEL", key)
                }
            }
        }
    }

    @Test("a reply that is not about settings is an error")
    func badReplies() async throws {
        try await PolicyStoreHarness.with { harness in
            let scope = try Scope(parsing: "user:a}b")
            try await harness.apply(.setLimits(scope, Self.limits))
            #expect(try StoredSettings(scope: scope, reply: .array([]), .nano).settings == .none)
            #expect(throws: StoreError.unavailable("LOADING")) {
                try StoredSettings(scope: scope, reply: .error("LOADING"), .nano)
            }
            #expect(throws: StoreError.self) { try StoredSettings(scope: scope, reply: .integer(3), .nano) }
            let tool = try Scope(parsing: "tool:x")
            let item = #"{"item":{"tier":"t"},"order":1,"version":1}"#
            let reply = RedisReply.array([.bulk(ByteBuffer(string: "assignment")), .bulk(ByteBuffer(string: item))])
            #expect(
                throws: StoreError.corrupt(
                    "{policy}:scope:tool:x, field assignment: only users have an assignment")
            ) { try StoredSettings(scope: tool, reply: reply, .nano) }
            #expect(try StoredSettings(scope: scope, reply: reply, .nano).assignment?.item.tier == "t")
        }
    }

    @Test("functions that Redis no longer has are loaded again")
    func forgottenScripts() async throws {
        try await PolicyStoreHarness.with { harness in
            try harness.redis.forgetFunctions()
            #expect(try await harness.apply(.setTier(Tier(id: "gold"))) == 1)
        }
    }

    @Test("without Redis every call fails, at once or after the deadline, and works again afterwards")
    func unavailable() async throws {
        try await PolicyStoreHarness.with(deadline: .milliseconds(300)) { harness in
            harness.redis.freeze(true)
            let clock = ContinuousClock()
            let waited = await clock.measure {
                await #expect(throws: StoreError.unavailable("no reply from Redis within 300 ms")) {
                    _ = try await harness.store.shared()
                }
            }
            #expect(waited >= .milliseconds(290) && waited < .seconds(10))
            await #expect(throws: StoreError.notConnected) {
                _ = try await harness.store.tier("gold")
            }
            harness.redis.freeze(false)
            try await eventually { (try? await harness.store.shared()) != nil }
        }
    }

    @Test("a change without a reply may have been made; one that cannot be sent was not")
    func unknownOutcome() async throws {
        try await PolicyStoreHarness.with(deadline: .milliseconds(300)) { harness in
            // Without the library, Redis executes nothing before it is loaded.
            try await harness.apply(.setTier(Tier(id: "silver")))
            harness.redis.freeze(true)
            await #expect(throws: StoreError.unknownOutcome("no reply from Redis within 300 ms")) {
                try await harness.apply(.setTier(Tier(id: "gold")))
            }
            await #expect(throws: StoreError.notConnected) {
                try await harness.apply(.setTier(Tier(id: "gold")))
            }
            harness.redis.freeze(false)
            try await eventually { (try? await harness.store.shared())?.tiers["gold"] != nil }
        }
    }

    @Test("Redis's error reply to a change is reported")
    func refusedByRedis() async throws {
        try await PolicyStoreHarness.with { harness in
            try harness.redis.cli("CONFIG", "SET", "maxmemory", "1")
            await #expect {
                try await harness.apply(.setTier(Tier(id: "gold")))
            } throws: {
                if case .unavailable(let sentence)? = $0 as? StoreError {
                    sentence.contains("OOM")
                } else {
                    false
                }
            }
            try harness.redis.cli("CONFIG", "SET", "maxmemory", "0")
            #expect(try harness.redis.cli("DBSIZE") == "0")
        }
    }
}
