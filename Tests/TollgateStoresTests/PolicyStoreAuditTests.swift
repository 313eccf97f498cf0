import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct PolicyStoreAuditTests {
    @Test("every change is in the audit log, with its author and the value before")
    func entries() async throws {
        try await PolicyStoreHarness.with { harness in
            let author = Author(name: "Zoë {ops}", address: "10.0.0.1")
            let scope = try Scope(parsing: "user:a++}b")
            let edits: [PolicyEdit] = [
                .setTier(Tier(id: "gold")), .setTier(Tier(id: "gold", name: "Gold")),
                .setAssignment(Assignment(.user(scope), tier: "gold"), tierIsInFile: false),
                .deleteAssignment(.user(scope)), .deleteTier("gold", isInFile: false),
                .setLimits(scope, [Limit(.cost, .day, max: 1_500_000_000)]), .deleteLimits(scope),
                .setOverride(scope, try harness.override(seconds: 60)), .clearOverride(scope),
            ]
            for (place, edit) in edits.enumerated() {
                let isNew = [0, 2, 5, 7].contains(place)
                _ = try await harness.store.apply(edit, if: isNew ? .absent : .any, by: author)
            }
            let entries = try await harness.store.auditLog.entries(before: nil, atMost: 100).items.reversed()
            #expect(
                entries.map(\.action) == [
                    "tier.set", "tier.set", "assignment.set", "assignment.delete", "tier.delete", "limits.set",
                    "limits.delete", "override.set", "override.clear",
                ])
            #expect(entries.map(\.revision) == (1...9).map { Int64($0) })
            #expect(entries.allSatisfy { $0.author == author })
            #expect(
                entries.map(\.target) == [
                    "gold", "gold", "user:a++}b", "user:a++}b", "gold", "user:a++}b", "user:a++}b", "user:a++}b",
                    "user:a++}b",
                ])
            let texts = entries.map { [$0.before, $0.after] }
            #expect(texts[0] == [nil, #"{"limits":{}}"#])
            #expect(texts[1] == [#"{"limits":{}}"#, #"{"limits":{},"name":"Gold"}"#])
            #expect(texts[5] == [nil, #"{"cost":{"day":"1.5"}}"#])
            #expect(texts[6] == [#"{"cost":{"day":"1.5"}}"#, nil])
            #expect(texts[7][1] == texts[8][0])
            let now = try harness.now
            #expect(entries.allSatisfy { abs($0.at - now) < 10_000 })
        }
    }

    @Test("the log is paged newest first, and retains about 10 000 changes")
    func bounded() async throws {
        try await PolicyStoreHarness.with { harness in
            try await harness.apply(.setLimits(.global, []))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<10_500 { group.addTask { try await harness.apply(.setLimits(.global, []), if: .any) } }
                try await group.waitForAll()
            }
            var (revisions, cursor): ([Int64], String?) = ([], nil)
            repeat {
                let page = try await harness.store.auditLog.entries(before: cursor, atMost: 900)
                revisions += page.items.compactMap(\.revision)
                cursor = page.next
                // New entries precede the first page, and are not in the next one.
                if revisions.count == 900 { try await harness.apply(.setLimits(.global, []), if: .any) }
            } while cursor != nil
            // The entry that came after the first page can have evicted one that was not read yet.
            #expect((9_999...10_200).contains(revisions.count))
            #expect(revisions == (0..<revisions.count).map { 10_501 - Int64($0) })
        }
    }

    @Test("the error names a malformed entry")
    func corrupt() async throws {
        try await PolicyStoreHarness.with { harness in
            let id = try harness.redis.cli("XADD", harness.keys.audit, "*", "who", "me")
            await #expect(throws: StoreError.corrupt("\(harness.keys.audit), entry \(id): malformed entry")) {
                _ = try await harness.store.auditLog.entries(before: nil, atMost: 5)
            }
        }
    }
}
