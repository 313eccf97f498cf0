import Testing
import TollgateCore
import TollgatePolicy
import TollgateStores

@testable import TollgateDashboard

@Suite struct RenderedRowsTests {
    @Test("a row is rendered once, and again when anything that it shows has changed")
    func changes() throws {
        let rows = RenderedRows()
        var count = 0
        func isRendered(_ row: UsageRow, _ setting: [String] = ["USD"]) -> Bool {
            let before = count
            let text = rows.text(of: row, in: setting) {
                count += 1
                return "\(row.scope) \(row.amounts?[.cost] ?? 0) \(setting)"
            }
            #expect(text == "\(row.scope) \(row.amounts?[.cost] ?? 0) \(setting)")
            return count > before
        }
        var row = UsageRow(scope: try Scope(parsing: "user:ann"), amounts: HistoryAmounts(), item: nil, calendar: .utc)
        #expect(isRendered(row) && !isRendered(row))
        let before = row
        row.amounts?[.cost] = 5
        #expect(isRendered(row) && !isRendered(row) && !isRendered(before))
        row.scope = try Scope(parsing: "user:bob")
        #expect(isRendered(row) && !isRendered(row))
        #expect(isRendered(row, ["EUR"]) && !isRendered(row, ["EUR"]))
    }

    @Test("the number of rows that are kept is bounded")
    func bounded() throws {
        let rows = RenderedRows()
        let scope = try Scope(parsing: "user:ann")
        for number in 0..<5_000 {
            _ = rows.text(
                of: UsageRow(scope: scope, amounts: nil, item: nil, calendar: .utc), in: ["\(number)"]
            ) { "row" }
            #expect(rows.count <= 2_000)
        }
    }
}
