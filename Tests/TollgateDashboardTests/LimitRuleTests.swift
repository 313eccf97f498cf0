import Foundation
import Testing
import TollgateCore

@testable import TollgateDashboard

/// The rule of limit fields on the server. `sample_fields.py` runs the same texts through the rule of the script.
@Suite struct LimitRuleTests {
    /// The texts of `rules.json`.
    private struct Rules: Decodable {
        struct Table: Decodable {
            var decimals: Int?
            var max: String
            var accepted: [String]
            var rejected: [String]
        }
        var whole: Table
        var money: [Table]
    }

    private let rules: Rules

    init() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Browser/rules.json")
        rules = try JSONDecoder().decode(Rules.self, from: Data(contentsOf: file))
    }

    @Test("accepts exactly the positive whole numbers up to the maximum", arguments: [Meter.tokens, .requests])
    func whole(_ meter: Meter) {
        check(rules.whole, LimitRule(meter: meter, unit: .nano))
    }

    @Test("accepts exactly the positive amounts of money that the unit can express")
    func money() throws {
        for table in rules.money {
            let unit = try #require(table.decimals.flatMap(MoneyUnit.init(decimals:)))
            check(table, LimitRule(meter: .cost, unit: unit))
        }
    }

    private func check(_ table: Rules.Table, _ rule: LimitRule) {
        #expect(rule.context["max"] as? String == table.max)
        for text in table.accepted { #expect(rule.amount(of: text) != nil, "\(text.debugDescription)") }
        for text in table.rejected { #expect(rule.amount(of: text) == nil, "\(text.debugDescription)") }
    }
}
