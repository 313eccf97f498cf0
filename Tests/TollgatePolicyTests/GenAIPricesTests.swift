import Testing

@testable import TollgateCore
@testable import TollgatePolicy

/// The price map of genai-prices becomes a price table.
@Suite("Prices of genai-prices")
struct GenAIPricesTests {
    private func read(_ models: String..., provider: String = "") throws -> PriceImport {
        try PriceImport(
            json: #"[{"id": "p", \#(provider) "models": [\#(models.joined(separator: ","))]}]"#, file: "data.json")
    }

    private func model(_ id: String, _ match: String, _ prices: String = #"{"input_mtok": 1}"#) -> String {
        #"{"id": "\#(id)", "match": \#(match), "prices": \#(prices)}"#
    }

    /// The names of the table with their rates of input.
    private func inputs(_ report: PriceImport) -> [String: String] {
        let entries = report.table.entries.map { ($0.name, $0.series.steps[0].price.rates[.input]?.description ?? "") }
        return Dictionary(uniqueKeysWithValues: entries)
    }

    @Test("all prices that have a key come over, in its unit")
    func prices() throws {
        let report = try read(
            model(
                "m", #"{"equals": "m"}"#,
                """
                {"input_mtok": 0.075, "output_mtok": {"base": 10, "tiers": [{"start": 200000, "price": 15}]},
                 "cache_read_mtok": 3E-3, "cache_write_mtok": 3.75, "requests_kcount": 12, "audio_hours": 0.111,
                 "web_searches_kcount": 10}
                """))
        let rates = try #require(report.table.providers["p"]?.models["m"]?.steps.first).price.rates
        #expect(
            rates.mapValues(\.description) == [
                .input: "0.075", .output: "10", .cacheRead: "0.003", .cacheWrite: "3.75", .request: "0.012",
                .minute: "0.00185",
            ])
        #expect(report.fields == ["output_mtok.tiers": 1, "web_searches_kcount": 1])
        #expect(report.format == .genAIPrices)
    }

    @Test("names and beginnings of names come over, and other rules as far as they are names")
    func rules() throws {
        let report = try read(
            model("a", #"{"equals": "a-1"}"#),
            model("b", #"{"or": [{"equals": "b-1"}, {"starts_with": "b-2"}, {"regex": "^b-\\d{8}$"}]}"#),
            model("c", #"{"contains": "c-1"}"#),
            model("d", #"{"ends_with": "d-1"}"#),
            model("e", #"{"and": [{"starts_with": "e-1"}, {"regex": "^(?!.*-tts)"}]}"#),
            model("f", #"{"regex": "^f"}"#),
            model("g", #"{"unheard_of": "g"}"#), model("h", #"{"equals": "h*"}"#))
        #expect(report.table.entries.map(\.name) == ["a-1", "b-1", "b-2*", "c-1*", "d-1", "e-1"])
        #expect(report.rejected == [.unusableRules: ["p/f", "p/g"], .unusableName: ["p/h"]])
        #expect(
            report.fields
                == ["match.contains": 1, "match.ends_with": 1, "match.and": 1, "match.regex": 2, "match.other": 1])
    }

    @Test("a name has the price of the first model that matches it")
    func order() throws {
        let report = try read(
            model("large", #"{"equals": "m-large"}"#, #"{"input_mtok": 3}"#),
            model("all", #"{"contains": "m-"}"#, #"{"input_mtok": 1}"#),
            model("small", #"{"starts_with": "m-small"}"#, #"{"input_mtok": 2}"#),
            model("other", #"{"or": [{"equals": "x-M-1"}, {"equals": "n"}]}"#, #"{"input_mtok": 4}"#))
        #expect(inputs(report) == ["m-large": "3", "m-*": "1", "m-small*": "1", "x-M-1": "1", "n": "4"])
        #expect(report.rejected == [.shadowed: ["p/small"]])
    }

    @Test("prices with dates apply from them on, and those of times of the day are not read")
    func dates() throws {
        func list(_ prices: String...) -> String { "[\(prices.joined(separator: ","))]" }
        func price(_ input: Int, _ constraint: String = "null") -> String {
            #"{"constraint": \#(constraint), "prices": {"input_mtok": \#(input)}}"#
        }
        let report = try read(
            model(
                "m", #"{"equals": "m"}"#,
                list(
                    price(1), price(2, #"{"start_date": "2026-03-01"}"#),
                    price(9, #"{"start_time": "00:30:00Z", "end_time": "16:30:00Z"}"#),
                    price(2, #"{"start_date": "2026-04-01"}"#), price(5, #"{"start_date": "2026-05-01"}"#))),
            model(
                "n", #"{"equals": "n"}"#,
                list(
                    price(1, #"{"start_date": "2026-09-01"}"#), price(4, #"{"start_date": "2026-06-01"}"#),
                    price(3, #"{"start_date": "2026-02-01"}"#))),
            model("o", #"{"equals": "o"}"#, list(price(1, #"{"start_date": "1st of May"}"#))))
        func steps(_ name: String) -> [String] {
            report.table.providers["p"]?.models[name]?.steps.map {
                "\($0.from.map { "\($0)" } ?? "-") \($0.price.rates[.input]?.description ?? "")"
            } ?? []
        }
        #expect(steps("m") == ["- 1", "2026-03-01 2", "2026-05-01 5"])
        #expect(steps("n") == ["- 1", "2026-02-01 3"])
        #expect(report.fields == ["prices.constraint": 1])
        #expect(report.rejected == [.malformedEntry: ["p/o"]])
    }

    @Test(
        "a model without a usable price is rejected with the reason",
        arguments: [
            ("{}", PriceImport.Rejection.noPrice), ("null", .noPrice), ("[]", .noPrice),
            (#"{"input_mchars": 1}"#, .otherPrices), (#"{"input_mtok": "1"}"#, .malformedPrice),
            (#"{"input_mtok": 0.08333333333333334}"#, .inexactPrice), (#"{"audio_hours": 0.04}"#, .inexactPrice),
        ])
    func reasons(prices: String, reason: PriceImport.Rejection) throws {
        let report = try read(model("good", #"{"equals": "g"}"#), model("bad", #"{"equals": "b"}"#, prices))
        #expect(report.rejected == [reason: ["p/bad"]])
        #expect(report.table.count == 1)
    }

    @Test("variants of prices and models of other providers are counted")
    func counted() throws {
        let report = try read(
            #"""
            {"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": 1},
             "price_variants": [{"when": {"processing": "batch"}, "prices": {"input_mtok": 0.5}}]}
            """#, provider: #""fallback_model_providers": ["openai"],"#)
        #expect(report.fields == ["price_variants": 1, "fallback_model_providers": 1])
    }

    @Test("rules that would take too many comparisons are an error")
    func comparisons() throws {
        let models = (0..<3_000).map { model("m\($0)", #"{"contains": "m\#($0)-"}"#) }
        let error = #expect(throws: OperatorError.self) {
            try PriceImport(json: #"[{"id": "p", "models": [\#(models.joined(separator: ","))]}]"#, file: "data.json")
        }
        #expect(error?.description == "data.json: more than 100000 models, or too many rules for their names")
    }
}
