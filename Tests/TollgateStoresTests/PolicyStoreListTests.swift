import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct PolicyStoreListTests {
    private func user(_ id: String) throws -> Assignment.Subject {
        .user(try Scope(parts: [.init(kind: "user", id: id)]))
    }

    /// Makes all edits concurrently.
    private func make(_ edits: [PolicyEdit], _ harness: PolicyStoreHarness) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for edit in edits { group.addTask { try await harness.apply(edit) } }
            try await group.waitForAll()
        }
    }

    private func assign(_ subjects: [Assignment.Subject], _ harness: PolicyStoreHarness) async throws {
        try await make(subjects.map { .setAssignment(Assignment($0, tier: "t"), tierIsInFile: true) }, harness)
    }

    @Test("2 500 assignments are paged, each once, whatever changes meanwhile")
    func assignments() async throws {
        try await PolicyStoreHarness.with { harness in
            let stable =
                try (0..<2_487).map { try user("u\($0)") }
                + PolicyStoreHarness.oddIDs.map { Assignment.Subject.role($0) }
                + [.everyone, .emailDomain("a.com"), .emailDomain("b.com")]
            let passing = try (0..<50).map { try user("u\($0)-passing") }
            try await assign(stable + passing, harness)
            var (ids, cursor, pages): ([String], String?, Int) = ([], nil, 0)
            repeat {
                let page = try await harness.store.assignments(after: cursor, atMost: 100)
                #expect(page.items.count <= 100 && page.items.allSatisfy { $0.item.tier == "t" })
                ids += page.items.map(\.item.subject.id)
                cursor = page.next
                if pages < passing.count {
                    try await harness.apply(.deleteAssignment(passing[pages]), if: .any)
                    try await assign([user("u\(pages)-late")], harness)
                }
                pages += 1
            } while cursor != nil
            let bytes = ids.map { Array($0.utf8) }
            #expect(Set(bytes).count == ids.count)
            #expect(zip(bytes, bytes.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
            #expect(Set(stable.map { Array($0.id.utf8) }).isSubset(of: Set(bytes)))
            #expect(pages >= 25)
        }
    }

    @Test("the last page has no next one, even if it is full; an empty list has one page")
    func lastPage() async throws {
        try await PolicyStoreHarness.with { harness in
            #expect(try await harness.store.assignments(after: nil, atMost: 5).next == nil)
            try await assign((0..<10).map { .role("r\($0)") }, harness)
            let first = try await harness.store.assignments(after: nil, atMost: 5)
            let second = try await harness.store.assignments(after: first.next, atMost: 5)
            #expect(first.items.count == 5 && second.items.count == 5)
            #expect(first.next != nil && second.next == nil)
        }
    }

    @Test(
        "a cursor that no page returned is refused",
        arguments: ["", "x", "%%%", "bm9uc2Vuc2U", "/////w", "MTIzNC0", "MC0w"])
    func badCursor(_ cursor: String) async throws {
        try await PolicyStoreHarness.with { harness in
            let kind = try ScopeKind(parsing: "user")
            await #expect(throws: StoreError.badCursor) {
                try await harness.store.assignments(after: cursor, atMost: 5)
            }
            await #expect(throws: StoreError.badCursor) {
                try await harness.store.scopesSeen(kind: kind, after: cursor, atMost: 5)
            }
            await #expect(throws: StoreError.badCursor) {
                try await harness.store.scopeIndex.limits(after: cursor, atMost: 5)
            }
            await #expect(throws: StoreError.badCursor) {
                try await harness.store.scopeIndex.overrides(after: cursor, atMost: 5, now: 0)
            }
            await #expect(throws: StoreError.badCursor) {
                try await harness.store.auditLog.entries(before: cursor, atMost: 5)
            }
        }
    }

    /// Records scopes as a lookup does.
    private func see(_ scopes: [String], kind: String, at time: Int64, _ harness: PolicyStoreHarness) async throws {
        _ = try await harness.store.link.send([
            ["ZADD", harness.keys.seen(kind)] + scopes.flatMap { ["\(time)", $0] }
        ])
    }

    private func seen(
        _ kind: String, page size: Int, _ harness: PolicyStoreHarness, between: (Int) async throws -> Void = { _ in }
    ) async throws -> [SeenScope] {
        var (seen, cursor, pages): ([SeenScope], String?, Int) = ([], nil, 0)
        repeat {
            let page = try await harness.store.scopesSeen(
                kind: try ScopeKind(parsing: kind), after: cursor, atMost: size)
            #expect(page.items.count == size || page.next == nil)
            seen += page.items
            cursor = page.next
            try await between(pages)
            pages += 1
        } while cursor != nil
        return seen
    }

    @Test("scopes seen are paged newest first, each once, even if many were seen in one millisecond")
    func scopesSeen() async throws {
        try await PolicyStoreHarness.with { harness in
            let now = try harness.now
            let same = try (PolicyStoreHarness.oddIDs + (0..<40).map { "s\($0)" }).map {
                try Scope(parts: [.init(kind: "tenant", id: $0)]).description
            }
            try await see(same, kind: "tenant", at: now, harness)
            try await see(["tenant:new"], kind: "tenant", at: now + 5, harness)
            try await see((0..<9).map { "tenant:old\($0)" }, kind: "tenant", at: now - 5, harness)
            let all = try await seen("tenant", page: 7, harness)
            #expect(all.count == 60 && Set(all).count == 60)
            #expect(all.map(\.seenAt) == all.map(\.seenAt).sorted(by: >))
            #expect(all.first?.scope.description == "tenant:new")
            // A scope seen again after its page neither repeats nor hides another one.
            let again = try await seen("tenant", page: 7, harness) { page in
                guard page < 7 else { return }
                try await see([all[page * 7 + 6].scope.description], kind: "tenant", at: now + 10, harness)
            }
            #expect(again.map(\.scope) == all.map(\.scope))
            #expect(try await seen("tool", page: 7, harness).isEmpty)
        }
    }

    @Test("a change does not mark its scope as seen")
    func notSeenByEdit() async throws {
        try await PolicyStoreHarness.with { harness in
            try await harness.apply(.setLimits(Scope(parsing: "user:a"), []))
            try await harness.apply(.setOverride(.global, try harness.override(seconds: 60)))
            #expect(try await seen("user", page: 5, harness).isEmpty)
            #expect(try await seen("global", page: 5, harness).isEmpty)
        }
    }
}
