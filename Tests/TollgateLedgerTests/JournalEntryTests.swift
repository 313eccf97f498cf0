import Foundation
import Testing
import TollgateCore

@testable import TollgateLedger

@Suite("Costs of journaled writes in another unit")
struct JournalEntryTests {
    @Test(
        "a cost that another unit cannot express is an error that says why",
        arguments: [
            (9, 2, Int64(125_000_000), "cost 0.125 has more fraction digits than decimals: 2 of the policy allows"),
            (
                0, 9, 9_000_000_000_000_000,
                "cost 9000000000000000 is larger than decimals: 9 of the policy allows"
            ),
        ])
    func faults(from: Int, to: Int, cost: Int64, sentence: String) throws {
        let new = try #require(MoneyUnit(decimals: to))
        let json = #"{"verb":"record","scopes":["user:a"],"amounts":{"cost":\#(cost)},"decimals":\#(from)}"#
        let entry = try JSONDecoder().decode(JournalEntry.self, from: Data(json.utf8))
        let error = #expect(throws: JournalEntry.NotRepresentable.self) { try entry.converted(to: new) }
        #expect(error?.description == sentence)
    }

    @Test("an entry with an unknown unit cannot be read", arguments: [10, -1, 256])
    func unknownUnit(decimals: Int) throws {
        let json = #"{"verb":"record","scopes":["user:a"],"amounts":{"cost":1},"decimals":\#(decimals)}"#
        let entry = try JSONDecoder().decode(JournalEntry.self, from: Data(json.utf8))
        #expect(try entry.converted(to: .nano).operation == nil)
    }
}
