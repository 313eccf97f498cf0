import Foundation
import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("JSON of a policy is read as it was written")
struct PolicyJSONRoundTripTests {
    @Test("tiers", arguments: UInt64(0)..<100)
    func tiers(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        let tier = random.tier(id: "a-1")
        let json = try CanonicalJSON.text(TierJSON(tier))
        let read = try PolicyJSON.tier(Data(json.utf8), id: "a-1", .nano)
        #expect(read == tier, "\(json)")
        #expect(try CanonicalJSON.text(TierJSON(read)) == json)
        #expect(read.name.map { Array($0.utf8) } == tier.name.map { Array($0.utf8) })
    }

    @Test("assignments", arguments: UInt64(0)..<50)
    func assignments(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        let assignment = random.assignment(.role(random.label()), order: 9, tiers: ["a", "b"], origin: .admin)
        let json = try CanonicalJSON.text(AssignmentJSON(assignment))
        #expect(try PolicyJSON.assignment(Data(json.utf8), of: assignment.subject, order: 9) == assignment, "\(json)")
    }

    @Test("limits", arguments: UInt64(0)..<100)
    func limits(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        let limits = random.limits(atMost: 40)
        let json = try CanonicalJSON.text(LimitsJSON(limits))
        #expect(try PolicyJSON.limits(Data(json.utf8), .nano) == limits, "\(json)")
    }

    @Test("overrides", arguments: UInt64(0)..<100)
    func overrides(seed: UInt64) throws {
        var random = RandomPolicy(seed: seed)
        let override = random.override()
        let json = try CanonicalJSON.text(OverrideJSON(override))
        let read = try PolicyJSON.override(Data(json.utf8), .nano)
        #expect(read.limits == override.limits, "\(json)")
        #expect(Set(read.additions) == Set(override.additions), "\(json)")
        #expect(read.expiresAt == override.expiresAt)
        #expect(read.reason == override.reason)
        #expect(try CanonicalJSON.text(OverrideJSON(read)) == json)
    }
}
