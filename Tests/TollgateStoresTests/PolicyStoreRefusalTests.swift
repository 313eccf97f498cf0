import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct PolicyStoreRefusalTests {
    private func assign(_ subject: Assignment.Subject, _ tier: String, inFile: Bool = false) -> PolicyEdit {
        .setAssignment(Assignment(subject, tier: tier), tierIsInFile: inFile)
    }

    @Test("an assigned tier cannot be deleted unless the file contains it; every kind of assignment counts")
    func inUse() async throws {
        try await PolicyStoreHarness.with { harness in
            let users = try PolicyStoreHarness.oddIDs.map {
                Assignment.Subject.user(try Scope(parts: [.init(kind: "user", id: $0)]))
            }
            let subjects = users + [.role("é x"), .emailDomain("example.com"), .everyone]
            try await harness.apply(.setTier(Tier(id: "gold")))
            try await harness.apply(.setTier(Tier(id: "silver")))
            for subject in subjects { try await harness.apply(assign(subject, "gold")) }
            let gold = PolicyEdit.deleteTier("gold", isInFile: false)
            try await harness.expectRefusal(.inUse(Int64(subjects.count)), of: gold, if: .any)
            // The same tier, another tier, no tier.
            try await harness.apply(assign(subjects[0], "gold"), if: .any)
            try await harness.apply(assign(subjects[1], "silver"), if: .any)
            try await harness.apply(.deleteAssignment(subjects[2]), if: .any)
            #expect(try harness.redis.hash(harness.keys.assigned) == ["gold": "\(subjects.count - 2)", "silver": "1"])
            try await harness.expectRefusal(.inUse(Int64(subjects.count - 2)), of: gold, if: .any)
            for subject in subjects.dropFirst(3) { try await harness.apply(.deleteAssignment(subject), if: .any) }
            try await harness.expectRefusal(.inUse(1), of: gold, if: .any)
            try await harness.apply(.deleteTier("silver", isInFile: true), if: .any)
            try await harness.apply(.deleteAssignment(subjects[0]), if: .any)
            try await harness.apply(gold, if: .any)
        }
    }

    @Test("a tier that does not exist cannot be assigned")
    func unknownTier() async throws {
        try await PolicyStoreHarness.with { harness in
            let bob = Assignment.Subject.user(try Scope(parsing: "user:bob"))
            for subject in [bob, .role("r")] {
                try await harness.expectRefusal(.unknownTier("gold"), of: assign(subject, "gold"), if: .absent)
                try await harness.apply(assign(subject, "gold", inFile: true))
                try await harness.expectRefusal(.unknownTier("silver"), of: assign(subject, "silver"), if: .any)
            }
        }
    }

    @Test("the numbers of tiers and of assignments of roles and domains are bounded; users do not count")
    func bounds() async throws {
        try await PolicyStoreHarness.with(bounds: .init(tiers: 3, assignments: 2)) { harness in
            for number in 0..<3 { try await harness.apply(.setTier(Tier(id: "t\(number)"))) }
            try await harness.expectRefusal(
                .tooMany("at most 3 tiers can be set"), of: .setTier(Tier(id: "t3")), if: .absent)
            try await harness.apply(.setTier(Tier(id: "t0", name: "another")), if: .any)
            try await harness.apply(.deleteTier("t0", isInFile: false), if: .any)
            try await harness.apply(.setTier(Tier(id: "t3")))

            try await harness.apply(assign(.role("a"), "t1"))
            try await harness.apply(assign(.everyone, "t1"))
            try await harness.expectRefusal(
                .tooMany("at most 2 assignments of roles and domains can be set"), of: assign(.role("b"), "t1"),
                if: .absent)
            for number in 0..<5 {
                try await harness.apply(assign(.user(Scope(parsing: "user:u\(number)")), "t1"))
            }
        }
        #expect(PolicyStore.Bounds().tiers == 1_000 && PolicyStore.Bounds().assignments == 10_000)
    }

    @Test("the error names a key of another type, and nothing is written")
    func otherType() async throws {
        try await PolicyStoreHarness.with { harness in
            let scope = try Scope(parsing: "user:alice")
            let edit = assign(.user(scope), "gold", inFile: true)
            let keys = harness.keys
            for key in [
                keys.settings(of: "user:alice"), keys.audit, keys.assigned, keys.assignmentIndex, keys.tiers,
                keys.kinds,
            ] {
                try harness.redis.cli("SET", key, "broken")
                try await harness.expectRefusal(.corrupt("\(key): wrong data type"), of: edit, if: .absent)
                try harness.redis.cli("DEL", key)
            }
            try harness.redis.cli("SET", keys.revision, "many")
            let before = try harness.digest
            await #expect(throws: StoreError.self) { try await harness.apply(edit) }
            #expect(try harness.digest == before)
            try harness.redis.cli("DEL", keys.revision)
            try await harness.apply(edit)
        }
    }
}
