import Testing

@testable import TollgateCore
@testable import TollgatePolicy

/// The parts of an import that all formats share: exact numbers, JSON, and the price file.
@Suite("Imports of prices")
struct PriceImportTests {
    @Test(
        "a number is scaled without rounding",
        arguments: [
            ("1.5e-07", "0.15"), ("2.5E-06", "2.5"), ("0.0000025", "2.5"), ("0", "0"), ("0.0", "0"), ("0e999", "0"),
            ("1e-18", "0.000000000001"), ("9", "9000000"), ("100000000000000000000e-26", "1"),
            ("1.0000000000000000000000000000000000000000e-06", "1"), ("3e-0000000000006", "3"),
        ])
    func exact(text: String, rate: String) throws {
        #expect(try Rate(number: text, .perToken).description == rate)
    }

    @Test(
        "a number that is out of range, or needs more decimals, is no rate",
        arguments: [
            ("1e-19", PriceImport.Rejection.inexactPrice), ("2.0000000000000002e-07", .inexactPrice),
            ("1e-99999999999999999999999", .inexactPrice), ("1.0000000000000000000000000000000001", .inexactPrice),
            ("9.000001", .malformedPrice), ("1e30", .malformedPrice), ("1e99999999999999999999999", .malformedPrice),
            ("-1", .malformedPrice), ("", .malformedPrice), ("NaN", .malformedPrice), ("true", .malformedPrice),
        ])
    func bounds(text: String, reason: PriceImport.Rejection) {
        #expect(throws: reason) { try Rate(number: text, .perToken) }
    }

    @Test("hours and thousands are divided, if the result is exact")
    func division() throws {
        #expect(try Rate(number: "0.6", .perHour).description == "0.01")
        #expect(throws: PriceImport.Rejection.inexactPrice) { try Rate(number: "0.1", .perHour) }
        #expect(try Rate(number: "0.000000001", .perThousand).description == "0.000000000001")
        #expect(try Rate(number: "1e-4", .perSecond).description == "0.006")
    }

    @Test("JSON is read with the text of its numbers")
    func json() throws {
        let root = try ExactJSON.root(
            of: #" {"b": [1.50, -2E+3, true, null, "x\n\u00e4\ud83d\ude00\"/"], "a": {}} "#, file: "f")
        #expect(root.members?.map(\.key.text) == ["a", "b"])
        let items = try #require(root["b"]?.items)
        #expect(items.map(\.text) == ["1.50", "-2E+3", "true", "null", "x\nä😀\"/"])
        #expect(items.map { $0.plainText != nil } == [true, true, true, true, false])
    }

    @Test(
        "invalid JSON is an error with its line",
        arguments: [
            ("", "f:1: is empty; expected JSON"),
            ("{", "f:1: is cut off: expected a key in double quotes"),
            ("[1,\n2", "f:2: is cut off: expected , or ]"),
            ("[01]", "f:1: is not valid JSON: expected a number without leading zeros"),
            ("[1.]", "f:1: is not valid JSON: expected a digit"),
            ("{\"a\" 1}", "f:1: is not valid JSON: expected a colon"),
            ("{\"a\":1,\n\"a\":2}", "f:2: has the key \"a\" twice"),
            ("[1] 2", "f:1: is not valid JSON: expected the end"),
            ("[nul]", "f:1: is not valid JSON: expected a value"),
            ("\"\\x\"", "f:1: is not valid JSON: unknown escape sequence"),
            ("\"\\ud800\"", "f:1: is not valid JSON: expected both halves of a surrogate pair"),
            ("\"\\ud800\\u0041\"", "f:1: is not valid JSON: expected both halves of a surrogate pair"),
            ("\"\\u12zz\"", "f:1: is not valid JSON: expected four hexadecimal digits"),
            ("\"a", "f:1: is cut off: expected a closing quote"),
            ("\"\\", "f:1: is cut off: expected a closing quote"),
            ("\"\n\"", "f:1: is not valid JSON: expected control characters to be escaped"),
            (String(repeating: "[", count: 40), "f:1: is nested more than 32 levels deep"),
            (
                "[\(String(repeating: "1", count: 65))]",
                "f:1: is not valid JSON: expected a number of at most 64 characters"
            ),
        ])
    func invalid(text: String, sentence: String) {
        let error = #expect(throws: OperatorError.self) { try ExactJSON.root(of: text, file: "f") }
        #expect(error?.description == sentence)
    }

    @Test("what is not a price map, or has no price, is an error", arguments: ["{}", "[]", "1", #"{"a": {"b": 1}}"#])
    func noMap(text: String) {
        let error = #expect(throws: OperatorError.self) { try PriceImport(json: text, file: "f") }
        #expect(error?.description.hasPrefix("f: not a price map: expected the JSON of LiteLLM") == true)
    }

    @Test("a map without any price is an error")
    func noPrice() {
        let error = #expect(throws: OperatorError.self) {
            try PriceImport(json: #"{"m": {"litellm_provider": "p"}}"#, file: "f")
        }
        #expect(error?.description == "f: no price that a price file can have")
    }

    @Test("a price file has a line for each model, and is read as the same prices")
    func roundTrip() throws {
        var table = PriceTable()
        var prices = PriceTable.Provider()
        let all = try ModelPrice.Item.allCases.map { ($0, try Rate(number: "0.000000000001", .same)) }
        let price = ModelPrice(Dictionary(uniqueKeysWithValues: all))
        let names = [
            "gpt-4o", "null", "1", "us.a:0", "a b", "ä\"\\'", "#x", "- y", "m@001", "ft:m*",
            String(repeating: "n", count: 256),
            "z:", "\u{200b}",
        ]
        for name in names { prices.add(PriceTable.Series([.init(price: price)]), as: name) }
        prices.add(
            PriceTable.Series([
                .init(price: ModelPrice([.input: .free])), .init(from: UTCDay(number: 20_454), price: price),
                .init(from: UTCDay(number: 20_800), price: price),
            ]), as: "dated")
        prices.add(
            PriceTable.Series([.init(from: UTCDay(number: 20_454), price: ModelPrice([.image: .free]))]), as: "later")
        prices.others = PriceTable.Series([.init(price: ModelPrice([.request: .free]))])
        for provider in ["p", "true", "my: provider"] { table.add(prices, of: provider) }
        let text = PriceFileWriter(table, currency: "USD").text(comments: ["one\nline", ""])
        let file = try PriceFile(yaml: text, file: "f")
        #expect(file.table.providers == table.providers)
        #expect(file.currency == "USD")
        #expect(text.split(separator: "\n").count == 2 + 2 + 3 * (1 + names.count + 3))
        #expect(text.hasPrefix("# one\\u000aline\n#\ncurrency: USD\nprices:\n  \"my: provider\":\n"))
        #expect(text.contains("    later: [{ from: 2026-01-01, image: 0 }]\n    "))
    }

    @Test("the report as JSON has all names and fields")
    func report() throws {
        let report = try PriceImport(
            json: """
                {"p/a": {"litellm_provider": "p", "input_cost_per_token": 1e-06, "input_cost_per_token_flex": 1},
                 "p/b": {"litellm_provider": "p"}}
                """, file: "f")
        #expect(
            try CanonicalJSON.text(report) == """
                {"entries":2,"fields":{"input_cost_per_token_flex":1},"format":"LiteLLM","free_prices":0,"imported":1,\
                "other_entries":0,"prices":1,"providers":1,"rejected":[{"count":1,"names":["p/b"],"reason":"no_price"}]}
                """)
    }

    @Test("the entry of each provider for a model is found as a sidecar finds its price")
    func lookup() throws {
        let file = try PriceFile(
            yaml: """
                prices:
                  a: { m-1: { input: 1 }, "m*": { input: 2 }, default: { input: 9 } }
                  b: { "m*": { input: 3 }, "m-*": { input: 4 } }
                  c: { default: { input: 5 } }
                """, file: "f")
        let entries = file.table.entries(for: "m-1")
        #expect(
            entries.map { "\($0.provider) \($0.name) \($0.match?.rawValue ?? "")" } == [
                "a m-1 exact", "b m-* prefix", "c default default",
            ])
        #expect(file.table.entryWithoutProvider(for: "m-1", at: 0)?.provider == "a")
        #expect(file.table.entryWithoutProvider(for: "m-2", at: 0)?.name == "m-*")
        #expect(file.table.entryWithoutProvider(for: "x", at: 0) == nil)
        #expect(file.table.entries.map(\.name) == ["m*", "m-1", "default", "m*", "m-*", "default"])
    }
}
