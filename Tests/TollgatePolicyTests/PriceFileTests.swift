import Testing
import TollgateCore
import TollgatePolicy

/// Price files, and the prices of a policy.
@Suite struct PriceFileTests {
    private func problems(_ yaml: String) -> [String] {
        do {
            _ = try PriceFile(yaml: yaml, file: "p.yaml")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    static let rate = "expected a decimal number from 0 to 9000000, such as 2.50"
    static let price = "expected a price such as { input: 2.50, output: 10 }, or a list of prices with from: dates"

    @Test(
        "errors name the line, the key and what would be right",
        arguments: [
            ("", "1: no prices: expected at least one under prices:"),
            ("prices: { openai: {} }", "1: no prices: expected at least one under prices:"),
            ("prices: {}", "1: no prices: expected at least one under prices:"),
            ("price: {}", "1: price: unknown key; did you mean prices? (expected one of currency, prices)"),
            (
                "currency: usd\nprices: { a: { b: { input: 1 } } }",
                "1: currency: expected three upper-case letters such as USD, found usd"
            ),
            (
                "prices: [1]",
                "1: prices: expected a map of providers such as { openai: { gpt-4o: { input: 2.50, output: 10 } } }"
            ),
            (
                "prices:\n  openai: 5",
                "2: prices.openai: expected a map of models such as { gpt-4o: { input: 2.50, output: 10 } }"
            ),
            ("prices:\n  openai:\n    m: 5", "3: prices.openai.m: \(price), found 5"),
            ("prices:\n  openai:\n    m: { input: cheap }", "3: prices.openai.m.input: \(rate), found cheap"),
            ("prices:\n  openai:\n    m: { input: -1 }", "3: prices.openai.m.input: \(rate), found -1"),
            ("prices:\n  openai:\n    m: { input: 1e-6 }", "3: prices.openai.m.input: \(rate), found 1e-6"),
            ("prices:\n  openai:\n    m: { input: }", "3: prices.openai.m.input: \(rate), found nothing"),
            (
                "prices:\n  openai:\n    m: { imput: 1 }",
                "3: prices.openai.m.imput: unknown item; did you mean input? (expected one of input, output, cache_read, cache_write, request, image, minute, from)"
            ),
            (
                "prices:\n  openai:\n    m: {}",
                "3: prices.openai.m: expected at least one of input, output, cache_read, cache_write, request, image, minute"
            ),
            (
                "prices:\n  openai:\n    '*': { input: 1 }",
                "3: prices.openai.*: write default for the price of all other models"
            ),
            (
                "prices:\n  openai:\n    'a*b': { input: 1 }",
                "3: prices.openai.a*b: a * may only be at the end of a name"
            ),
            ("prices:\n  openai:\n    m: []", "3: prices.openai.m: expected at least one price"),
            (
                "prices:\n  openai:\n    m:\n      - { input: 1 }\n      - { input: 2 }",
                "5: prices.openai.m: from is missing; only the first price may have none"
            ),
            (
                "prices:\n  openai:\n    m:\n      - { from: 2026-12-02, input: 1 }\n      - { from: 2026-12-01, input: 2 }",
                "5: prices.openai.m: from: expected dates in ascending order"
            ),
            (
                "prices:\n  openai:\n    m: { from: 2026-02-30, input: 1 }",
                "3: prices.openai.m.from: expected a date such as 2026-12-31, found 2026-02-30"
            ),
        ])
    func errors(yaml: String, problem: String) {
        #expect(problems(yaml) == ["p.yaml:\(problem)"])
    }

    @Test(
        "the rule for unknown models",
        arguments: [
            (
                "free",
                "1: unknown_model: expected warn, refuse, or a price such as { input: 5, output: 20 }, found free"
            ),
            (
                "{ from: 2026-12-01, input: 1 }",
                "1: unknown_model.from: unknown item; expected one of input, output, cache_read, cache_write, request, image, minute"
            ),
        ])
    func badRule(value: String, problem: String) {
        #expect(throws: PolicyError.self) { try Policy(yaml: "unknown_model: \(value)", file: "p.yaml") }
        do {
            _ = try Policy(yaml: "unknown_model: \(value)", file: "p.yaml")
        } catch {
            #expect(error.problems.map(\.description) == ["p.yaml:\(problem)"])
        }
    }

    @Test("a policy without prices prices nothing, and one with a rule alone finds every model unknown")
    func pricing() throws {
        #expect(try Policy(yaml: "", file: "p.yaml").pricing == nil)
        #expect(try Policy(yaml: "unknown_model: refuse", file: "p.yaml").pricing?.unknownModel == .refuse)
        #expect(try Policy(yaml: "prices: { a: { b: { input: 1 } } }", file: "p.yaml").pricing?.unknownModel == .warn)
    }

    @Test("JSON is a price file too")
    func json() throws {
        let file = try PriceFile(
            yaml: #"{"currency":"EUR","prices":{"openai":{"gpt-4o":{"input":"2.5","output":10}}}}"#, file: "p.json")
        #expect(file.currency == "EUR")
        #expect(file.table.count == 1)
    }

    @Test("prices are written as they are read, also as JSON")
    func written() throws {
        let table = try PriceTests.table(PriceTests.table)
        var document = PolicyDocument()
        var policy = try Policy(yaml: "unknown_model: { input: 5 }", file: "p.yaml")
        policy.prices = table
        document.settings = try JSONDocument.root(of: .init(CanonicalJSON.text(PolicySettingsJSON(policy)).utf8))
        let yaml = YAMLWriter.text(of: try document.root())
        let read = try Policy(yaml: yaml, file: "p.yaml")
        #expect(read.prices == table)
        #expect(read.unknownModel == policy.unknownModel)
        #expect(try PriceFile(yaml: "{\"prices\":\(CanonicalJSON.text(table))}", file: "p.json").table == table)
    }
}
