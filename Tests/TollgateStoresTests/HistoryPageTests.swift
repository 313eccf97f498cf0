import Testing
import TollgateStores
import TollgateTestSupport

@testable import TollgateCore

@Suite("A history record")
struct HistoryPageTests {
    /// Creates a record from amounts by field name, without unknown fields.
    private func page(_ fields: [String: Int64]) -> HistoryRecord {
        fields.reduce(into: HistoryRecord()) { page, field in
            if let name = HistoryField(field.key.utf8) { page.add(field.value, to: name) }
        }
    }

    private func alice() throws -> Scope { try Scope(parsing: "user:alice") }

    @Test("fields of every meter are parsed: total, by label, and of other labels")
    func fields() {
        for meter in HistoryMeter.allCases {
            #expect(HistoryField(meter.name.utf8)?.part == .total)
            for dimension in HistoryDimension.allCases {
                let label = HistoryField("\(meter.name)/\(dimension.name)=a".utf8)
                #expect(label?.meter == meter)
                #expect(label?.part == .label(.init(kind: dimension.name, id: "a")))
                #expect(HistoryField("\(meter.name)/\(dimension.name)/other".utf8)?.part == .other(dimension))
            }
        }
    }

    @Test("a label is everything after the equals sign", arguments: ["other", "a/b=c", "=", "/other", "\u{301}x", " "])
    func labels(label: String) {
        let field = HistoryField("input_tokens/model=\(label)".utf8)
        #expect(field?.meter == .inputTokens)
        #expect(field?.part == .label(.init(kind: "model", id: label)))
    }

    @Test(
        "other fields are not parsed",
        arguments: [
            "", "values/provider", "month", "history", "history/cost", "concurrent", "cost/", "cost/provider",
            "cost/account=a",
            "cost/tool/others", "cost/tool/", "cost=5", "costs", "Cost", "/provider=a",
        ])
    func unknown(name: String) { #expect(HistoryField(name.utf8) == nil) }

    @Test("composed and decomposed letters are two labels, because they are two fields in Redis")
    func bytes() throws {
        var page = page(["cost": 3, "cost/tool=\u{e9}": 1])
        page += self.page(["cost/tool=e\u{301}": 2])
        #expect(page.labelled.count == 2)
        #expect(page.shares(by: .tool, of: try alice()).map { $0.amounts[.cost] } == [2, 1])
    }

    @Test("shares are sorted by cost, then other, then unnamed, without those that are zero")
    func shares() throws {
        let page = page([
            "cost": 100, "requests": 9, "tokens": 7, "cost/provider=cheap": 10, "cost/provider=dear": 60,
            "tokens/provider=cheap": 7, "requests/provider=b": 2, "requests/provider=a": 2, "cost/provider=none": 0,
            "cost/provider/other": 25, "cost/tool=x": 100,
        ])
        let shares = page.shares(by: .provider, of: try alice())
        #expect(
            shares.map(\.name) == [.label("dear"), .label("cheap"), .label("a"), .label("b"), .other, .unnamed])
        #expect(shares.map { $0.amounts[.cost] } == [60, 10, 0, 0, 25, 5])
        #expect(shares.last?.amounts[.requests] == 5)
        #expect(page.shares(by: .tool, of: try alice()).map(\.name) == [.label("x"), .unnamed])
        #expect(HistoryRecord().shares(by: .tool, of: try alice()).isEmpty)
    }

    @Test("the record of a provider belongs to that provider as a whole")
    func own() throws {
        let page = page(["cost": 100, "requests": 3, "cost/tool=x": 40])
        let shares = page.shares(by: .provider, of: try Scope(parsing: "provider:openai"))
        #expect(shares == [HistoryShare(.label("openai"), page.total)])
        #expect(page.shares(by: .tool, of: try Scope(parsing: "provider:openai")).count == 2)
        #expect(HistoryRecord().shares(by: .provider, of: try Scope(parsing: "provider:openai")).isEmpty)
    }

    @Test(
        "if refunds without a label exceed the usage without one, unnamed is negative by the difference"
    )
    func overRefunded() throws {
        let page = page([
            "cost": 2, "cost/provider=a": 5, "cost/provider/other": 1, "requests": 3, "requests/provider=a": 2,
        ])
        let shares = page.shares(by: .provider, of: try alice())
        #expect(shares.map(\.name) == [.label("a"), .other, .unnamed])
        #expect(shares.map { $0.amounts[.cost] } == [5, 1, -4])
        #expect(shares.map { $0.amounts[.requests] } == [2, 0, 1])
        #expect(shares[2].amounts.text(of: .cost, in: .nano) == "-0.000000004")
        let own = page.shares(by: .provider, of: try Scope(parsing: "provider:openai"))
        #expect(own == [HistoryShare(.label("openai"), page.total)])
    }

    @Test("a fully refunded day still shows the labels that were not refunded, and the unnamed difference")
    func nothingInAll() throws {
        let shares = page(["cost": 0, "cost/tool=a": 5]).shares(by: .tool, of: try alice())
        #expect(shares.map(\.name) == [.label("a"), .unnamed])
        #expect(shares.map { $0.amounts[.cost] } == [5, -5])
    }

    @Test("sums saturate at the largest Int64")
    func saturates() throws {
        var page = page(["cost": .max - 1, "cost/tool=a": .max, "cost/tool=b": .max, "cost/tool/other": 7])
        page += self.page(["cost": 5, "cost/tool=a": 1, "cost/tool/other": .max])
        #expect(page.total[.cost] == .max)
        #expect(page.labelled.values.allSatisfy { $0[.cost] == .max })
        #expect(page.other[.tool]?[.cost] == .max)
        #expect(page.shares(by: .tool, of: try alice()).map { $0.amounts[.cost] } == [.max, .max, .max])
    }

    @Test("sums are exact beyond the precision of a double")
    func exact() throws {
        var page = page(["cost": 9_007_199_254_740_993, "cost/model=m": 9_007_199_254_740_992])
        page += page
        #expect(page.total[.cost] == 18_014_398_509_481_986)
        #expect(page.shares(by: .model, of: try alice()).last?.amounts[.cost] == 2)
        #expect(page.total.text(of: .cost, in: .nano) == "18014398.509481986")
    }

    @Test("shares add up to the total, in each record and in their sum", arguments: UInt64(1)...20)
    func sums(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pages = (0..<20).map { _ in randomPage(&random) }
        let all = HistoryRecord.sum(of: pages)
        for meter in HistoryMeter.allCases {
            #expect(all.total[meter] == pages.reduce(0) { $0 + $1.total[meter] })
        }
        for page in pages + [all] {
            for dimension in HistoryDimension.allCases {
                var sum = HistoryAmounts()
                for share in page.shares(by: dimension, of: try alice()) { sum += share.amounts }
                #expect(sum == page.total, "seed \(seed), \(dimension)")
            }
        }
        let inAnotherOrder = HistoryRecord.sum(of: pages.shuffled(using: &random))
        #expect(inAnotherOrder == all)
    }

    /// Creates a record of requests with a label, another label or none. The total of some has lost a part.
    private func randomPage(_ random: inout SeededGenerator) -> HistoryRecord {
        var page = HistoryRecord()
        for _ in 0..<Int.random(in: 0..<30, using: &random) {
            let places = HistoryDimension.allCases.map { dimension in
                switch Int.random(in: 0..<4, using: &random) {
                case 0: ""
                case 1: "/\(dimension.name)/other"
                default: "/\(dimension.name)=\(["a", "b", "other", "ü=/"].randomElement(using: &random)!)"
                }
            }
            for meter in HistoryMeter.allCases {
                let amount = Int64.random(in: 0...1_000_000_000_000, using: &random)
                let left = Bool.random(using: &random) ? amount : Int64.random(in: 0...amount, using: &random)
                page.add(left, to: HistoryField(meter.name.utf8)!)
                for place in places where !place.isEmpty {
                    page.add(amount, to: HistoryField("\(meter.name)\(place)".utf8)!)
                }
            }
        }
        return page
    }
}
