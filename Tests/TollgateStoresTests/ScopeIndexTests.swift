import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateStores

/// The lists of scopes with limits and overrides.
@Suite struct ScopeIndexTests {
    private static let limit = Limit(.requests, .sliding(seconds: 60), max: 5)

    private func scope(_ id: String, kind: String = "user") throws -> Scope {
        try Scope(parts: [.init(kind: kind, id: id)])
    }

    private func limits(_ harness: PolicyStoreHarness, page size: Int = 100) async throws -> [String] {
        var (found, cursor): ([String], String?) = ([], nil)
        repeat {
            let page = try await harness.store.scopeIndex.limits(after: cursor, atMost: size)
            #expect(page.items.count <= size)
            found += page.items.map(\.scope.description)
            cursor = page.next
        } while cursor != nil
        return found
    }

    private func overrides(_ harness: PolicyStoreHarness, page size: Int = 100) async throws -> [String] {
        let now = try harness.now
        var (found, cursor): ([String], String?) = ([], nil)
        repeat {
            let page = try await harness.store.scopeIndex.overrides(after: cursor, atMost: size, now: now)
            #expect(page.items.count <= size)
            found += page.items.map(\.scope.description)
            cursor = page.next
        } while cursor != nil
        return found
    }

    @Test("limits are listed once each in the order of their scopes, whatever the page size")
    func limitsInOrder() async throws {
        try await PolicyStoreHarness.with { harness in
            let scopes = try (PolicyStoreHarness.oddIDs + (0..<30).map { "u\($0)" }).map { try scope($0) } + [.global]
            for scope in scopes { try await harness.apply(.setLimits(scope, [Self.limit])) }
            let all = try await limits(harness)
            let bytes = all.map { Array($0.utf8) }
            #expect(Set(bytes) == Set(scopes.map { Array($0.description.utf8) }) && bytes.count == scopes.count)
            #expect(zip(bytes, bytes.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
            #expect(try await limits(harness, page: 7).map { Array($0.utf8) } == bytes)
            try await harness.apply(.deleteLimits(.global), if: .any)
            #expect(try await !limits(harness).contains("global"))
        }
    }

    @Test("overrides are listed by their end, also many with the same end, and not after it")
    func overridesByEnd() async throws {
        try await PolicyStoreHarness.with { harness in
            let late = try harness.override(seconds: 7_200)
            let soon = try harness.override(seconds: 3_600)
            for id in 0..<20 { try await harness.apply(.setOverride(scope("late\(id)"), late)) }
            for id in PolicyStoreHarness.oddIDs { try await harness.apply(.setOverride(scope(id), soon)) }
            try await harness.apply(.setOverride(scope("ended"), try harness.override(seconds: -5)))
            let all = try await overrides(harness)
            #expect(all.count == 30 && !all.contains("user:ended"))
            #expect(all.suffix(20).allSatisfy { $0.hasPrefix("user:late") })
            for size in [1, 3, 10] {
                let paged = try await overrides(harness, page: size)
                #expect(paged.map { Array($0.utf8) } == all.map { Array($0.utf8) }, "pages of \(size)")
            }
            // The next change removes the ended one from the index.
            try await harness.apply(.clearOverride(scope("late0")), if: .any)
            #expect(try harness.redis.cli("ZCARD", harness.keys.overridesIndex) == "29")
            #expect(try await overrides(harness).count == 29)
        }
    }

    @Test("settings that an earlier version made without indexes are found by the audit log")
    func olderData() async throws {
        try await PolicyStoreHarness.with { harness in
            for id in 0..<600 { try await harness.apply(.setLimits(scope("u\(id)"), [Self.limit])) }
            try await harness.apply(.setOverride(scope("o"), try harness.override(seconds: 600)))
            try harness.redis.cli("DEL", harness.keys.limitsIndex, harness.keys.overridesIndex)
            #expect(try await limits(harness).count == 600)
            #expect(try await overrides(harness) == ["user:o"])
        }
    }

    @Test("settings whose change the audit log no longer has are found if the scope was seen or has a tier")
    func olderThanTheLog() async throws {
        try await PolicyStoreHarness.with { harness in
            try await harness.apply(.setLimits(scope("seen", kind: "tool"), [Self.limit]))
            let user = try scope("assigned")
            try await harness.apply(.setAssignment(Assignment(.user(user), tier: "t"), tierIsInFile: true))
            try await harness.apply(.setLimits(user, [Self.limit]))
            let keys = harness.keys
            try harness.redis.cli("ZADD", keys.seen("tool"), "1000", "tool:seen")
            try harness.redis.cli("DEL", keys.limitsIndex, keys.audit)
            #expect(try await limits(harness) == ["tool:seen", "user:assigned"])
        }
    }

    @Test("a change that a sidecar without indexes makes later is indexed by the next list")
    func mixedVersions() async throws {
        try await PolicyStoreHarness.with { harness in
            try await harness.apply(.setLimits(scope("a"), [Self.limit]))
            #expect(try await limits(harness) == ["user:a"])
            let until = try harness.redis.cli("GET", harness.keys.indexed)
            try await harness.apply(.setLimits(scope("b"), [Self.limit]))
            try await harness.apply(.deleteLimits(scope("a")), if: .any)
            // As the earlier version leaves the index.
            try harness.redis.cli("ZREM", harness.keys.limitsIndex, "user:b")
            try harness.redis.cli("ZADD", harness.keys.limitsIndex, "0", "user:a")
            #expect(try await limits(harness) == ["user:b"])
            #expect(try harness.redis.cli("GET", harness.keys.indexed) != until)
        }
    }

    @Test("a key of another type is named")
    func otherType() async throws {
        try await PolicyStoreHarness.with { harness in
            let keys = harness.keys
            try harness.redis.cli("SET", keys.limitsIndex, "x")
            let fault = StoreError.corrupt("\(keys.limitsIndex): wrong data type")
            await #expect(throws: fault) { try await harness.apply(.setLimits(scope("a"), [Self.limit])) }
            await #expect(throws: fault) { try await harness.store.scopeIndex.limits(after: nil, atMost: 5) }
        }
    }
}
