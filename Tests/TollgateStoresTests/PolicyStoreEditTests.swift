import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct PolicyStoreEditTests {
    /// A setting that can be created, changed and deleted.
    private struct Subject {
        var set: PolicyEdit
        var change: PolicyEdit
        var delete: PolicyEdit
    }

    private func subjects(_ harness: PolicyStoreHarness) throws -> [Subject] {
        let alice = try Scope(parsing: "user:alice")
        func assignment(_ subject: Assignment.Subject) -> Subject {
            Subject(
                set: .setAssignment(Assignment(subject, tier: "basic"), tierIsInFile: true),
                change: .setAssignment(Assignment(subject, tier: "basic", priority: 7), tierIsInFile: true),
                delete: .deleteAssignment(subject))
        }
        return [
            Subject(
                set: .setTier(Tier(id: "gold")), change: .setTier(Tier(id: "gold", name: "Gold")),
                delete: .deleteTier("gold", isInFile: false)),
            assignment(.user(alice)), assignment(.role("Fac}ulty")), assignment(.emailDomain("example.com")),
            assignment(.everyone),
            Subject(
                set: .setLimits(alice, [Limit(.requests, .day, max: 1)]), change: .setLimits(alice, []),
                delete: .deleteLimits(alice)),
            Subject(
                set: .setOverride(alice, try harness.override(seconds: 60)),
                change: .setOverride(alice, try harness.override(seconds: 90)), delete: .clearOverride(alice)),
        ]
    }

    @Test("with absent, only a missing item can be created")
    func absent() async throws {
        try await PolicyStoreHarness.with { harness in
            for subject in try subjects(harness) {
                try await harness.expectRefusal(.missing, of: subject.delete, if: .absent)
                try await harness.expectRefusal(.missing, of: subject.delete, if: .any)
                try await harness.expectRefusal(.conflict(nil), of: subject.delete, if: .version(1))
                try await harness.expectRefusal(.conflict(nil), of: subject.set, if: .any)
                try await harness.expectRefusal(.conflict(nil), of: subject.set, if: .version(1))
                try await harness.expectRefusal(.missing, of: subject.delete, if: .version(0))
                let version = try await harness.apply(subject.set, if: .absent)
                try await harness.expectRefusal(.conflict(version), of: subject.set, if: .version(0))
                try await harness.apply(subject.delete, if: .any)
                try await harness.apply(subject.set, if: .version(0))
            }
        }
    }

    @Test("an item is changed and deleted with its version, or with any")
    func present() async throws {
        try await PolicyStoreHarness.with { harness in
            for subject in try subjects(harness) {
                let first = try await harness.apply(subject.set)
                for edit in [subject.change, subject.delete] {
                    try await harness.expectRefusal(.exists(first), of: edit, if: .absent)
                    try await harness.expectRefusal(.conflict(first), of: edit, if: .version(first + 1))
                    try await harness.expectRefusal(.conflict(first), of: edit, if: .version(first - 1))
                }
                let second = try await harness.apply(subject.change, if: .version(first))
                #expect(second == first + 1)
                try await harness.expectRefusal(.conflict(second), of: subject.change, if: .version(first))
                #expect(try await harness.apply(subject.change, if: .any) == first + 2)
                #expect(try await harness.apply(subject.delete, if: .version(first + 2)) == first + 3)
                #expect(try await harness.apply(subject.set) == first + 4)
                #expect(try await harness.apply(subject.delete, if: .any) == first + 5)
            }
            #expect(try harness.redis.cli("HLEN", harness.keys.assigned) == "0")
        }
    }

    @Test("of two changes of the same version, one succeeds")
    func race() async throws {
        try await PolicyStoreHarness.with { one in
            try await PolicyStoreHarness.with(redis: one.redis) { other in
                var version = try await one.apply(.setTier(Tier(id: "gold")))
                for _ in 0..<20 {
                    let known = version
                    let results = await withTaskGroup(of: Result<Int64, StoreError>.self) { group in
                        for harness in [one, other, one, other] {
                            group.addTask {
                                do throws(StoreError) {
                                    return .success(
                                        try await harness.apply(.setTier(Tier(id: "gold")), if: .version(known)))
                                } catch {
                                    return .failure(error)
                                }
                            }
                        }
                        return await group.reduce(into: []) { $0.append($1) }
                    }
                    let won = results.compactMap { try? $0.get() }
                    version = try #require(won.first)
                    #expect(won == [known + 1])
                    #expect(results.filter { $0 == .failure(.conflict(version)) }.count == 3)
                }
            }
        }
    }

    @Test("an override that has ended counts as missing")
    func ended() async throws {
        try await PolicyStoreHarness.with { harness in
            let scope = try Scope(parsing: "tool:a}b")
            let first = try await harness.apply(.setOverride(scope, try harness.override(seconds: -5)))
            #expect(try await harness.store.settings(of: scope).override?.version == first)
            try await harness.expectRefusal(.missing, of: .clearOverride(scope), if: .any)
            let new = PolicyEdit.setOverride(scope, try harness.override(seconds: 50))
            try await harness.expectRefusal(.conflict(nil), of: new, if: .version(first))
            let second = try await harness.apply(new)
            #expect(try await harness.store.auditLog.entries(before: nil, atMost: 1).items[0].before == nil)
            try await harness.expectRefusal(.exists(second), of: new, if: .absent)
        }
    }

    @Test("replacing an item preserves its order; creating it again does not")
    func order() async throws {
        try await PolicyStoreHarness.with { harness in
            let edit = PolicyEdit.setAssignment(Assignment(.role("r"), tier: "t"), tierIsInFile: true)
            let first = try await harness.apply(edit)
            try await harness.apply(edit, if: .any)
            #expect(try await harness.store.assignment(.role("r"))?.item.order == first)
            try await harness.apply(.deleteAssignment(.role("r")), if: .any)
            let again = try await harness.apply(edit)
            #expect(try await harness.store.assignment(.role("r"))?.item.order == again)
            #expect(
                try harness.redis.cli("HGET", harness.keys.assignments, "role:r")
                    == #"{"item":{"enabled":true,"priority":200,"tier":"t"},"order":4,"version":4}"#)
        }
    }

    @Test(
        "settings that are nothing but an override go an hour after its end, others stay", arguments: [0, 100_000_000])
    func expiry(secondsAhead: Int64) async throws {
        try await PolicyStoreHarness.with { harness in
            let scope = try Scope(parsing: "user:a}b")
            let key = harness.keys.settings(of: scope.description)
            let override = try harness.override(seconds: 60 + secondsAhead)
            try await harness.apply(.setOverride(scope, override))
            let ends = "\(override.expiresAt + 3_600_000)"
            #expect(try harness.redis.cli("PEXPIRETIME", key) == ends)
            try await harness.apply(.setLimits(scope, []))
            #expect(try harness.redis.cli("PEXPIRETIME", key) == "-1")
            try await harness.apply(.deleteLimits(scope), if: .any)
            #expect(try harness.redis.cli("PEXPIRETIME", key) == ends)
            try await harness.apply(
                .setAssignment(Assignment(.user(scope), tier: "t"), tierIsInFile: true))
            try await harness.apply(.clearOverride(scope), if: .any)
            #expect(try harness.redis.cli("PEXPIRETIME", key) == "-1")
            try await harness.apply(.deleteAssignment(.user(scope)), if: .any)
            #expect(try harness.redis.cli("EXISTS", key) == "0")
        }
    }
}
