import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgatePolicy

/// `decimals` of the policy file: the unit of every amount of money in it.
@Suite("decimals")
struct DecimalsTests {
    private func policy(_ decimals: String, _ amount: String) throws -> Policy {
        // The unit holds for limits above it too.
        try Policy(yaml: "defaults: { user: { cost: { day: \(amount) } } }\ndecimals: \(decimals)\n", file: "t.yaml")
    }

    @Test(
        "amounts are whole numbers of the unit",
        arguments: [
            ("0", "9000000000000000", 9_000_000_000_000_000), ("0", "25", 25), ("3", "12.345", 12_345),
            ("2", "0.5", 50), ("9", "0.000000001", 1),
        ] as [(String, String, Int64)])
    func amounts(decimals: String, amount: String, max: Int64) throws {
        let policy = try policy(decimals, amount)
        #expect(policy.moneyUnit.decimals == Int(decimals))
        let limit = try #require(policy.defaults[try ScopeKind(parsing: "user")]?.first)
        #expect(limit.max == max)
        #expect(limit.text(max) == amount)
    }

    @Test(
        "amounts that are none of the unit are errors that say why",
        arguments: [
            ("0", "2.5", "expected a whole number (the policy has decimals: 0)"),
            ("0", "x", "expected a whole number such as 25, or null for unlimited, found x"),
            ("3", "1.2345", "more than 3 fraction digits (the policy has decimals: 3)"),
            ("2", "90000000000000.01", "more than 90000000000000 (the policy's decimals: 2; fewer allow more)"),
            ("9", "9000001", "more than 9000000 (the policy's decimals: 9; fewer allow more)"),
        ])
    func faults(decimals: String, amount: String, sentence: String) throws {
        let error = #expect(throws: PolicyError.self) { try policy(decimals, amount) }
        #expect(error?.problems.map(\.sentence) == [sentence])
    }

    @Test("other values are rejected", arguments: ["10", "-1", "two", "1.5", "null"])
    func values(_ value: String) throws {
        let error = #expect(throws: PolicyError.self) { try policy(value, "1") }
        let problem = try #require(error?.problems.first?.description)
        #expect(problem.hasPrefix("t.yaml:2: decimals: expected a whole number from 0 to 9"), "\(problem)")
    }

    @Test("settings of administrators are read in the unit, and written as they were", arguments: 0...9)
    func json(_ decimals: Int) throws {
        var random = SeededGenerator(seed: UInt64(decimals))
        let unit = try #require(MoneyUnit(decimals: decimals))
        for _ in 0..<200 {
            let amount = Int64.random(in: 1...Meter.cost.maxAmount, using: &random)
            let limit = Limit(.cost, .month, max: amount, unit: unit)
            let tier = Tier(id: "t", limits: [limit])
            #expect(try PolicyJSON.tier(Data(CanonicalJSON.text(TierJSON(tier)).utf8), id: "t", unit) == tier)
            let override = Override(
                limits: [limit], additions: [.init(.cost, .day, amount: amount, unit: unit)], expiresAt: 1_000,
                reason: "r")
            let json = try CanonicalJSON.text(OverrideJSON(override))
            #expect(try PolicyJSON.override(Data(json.utf8), unit) == override, "\(json)")
            let alert = Alert(
                scope: .global, meter: .cost, period: .month, threshold: 80, max: amount, used: amount, unit: unit,
                source: "s", periodID: nil, endsAt: nil, openedAt: 0)
            let read = try JSONDecoder().decode(Alert.self, from: Data(CanonicalJSON.text(alert).utf8))
            #expect((read.maxText, read.usedText, read.percent) == (alert.maxText, alert.usedText, alert.percent))
        }
    }
}
