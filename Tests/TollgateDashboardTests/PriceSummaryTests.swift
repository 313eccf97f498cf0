import Testing
import TollgateCore
import TollgatePolicy

@testable import TollgateDashboard
@testable import TollgateServer

/// The prices on the page of providers.
@Suite struct PriceSummaryTests {
    private static let prices = """
        prices:
          openai: { gpt-5*: { input: 1 }, gpt-4o: [{ input: 2 }, { from: 2027-01-01, input: 3 }] }
          groq: { default: { input: 0 } }

        """

    /// The text of the page, with these prices and without accounts.
    private func page(
        _ yaml: String, file: InfoReport.PriceState = InfoReport.PriceState(),
        _ unknown: [UnknownModels.Model: Int] = [:]
    ) throws -> TestPage {
        let policy = try Policy(yaml: yaml + "no_limits: true\n", file: "t.yaml")
        let summary = PriceSummary(
            policy: policy, ownCount: 1, file: file, unknownModels: unknown, time: LocalTime(policy.calendar),
            now: 1_796_090_000_000)
        let text = Templates().render("providers", ["prices": summary.context])
        return TestPage(status: 200, headers: [], text: text)
    }

    @Test("the prices are counted, with their files")
    func files() throws {
        let own = try page(Self.prices)
        #expect(own.words.contains("3 prices of 2 providers in USD, from the policy file."), "\(own.words)")
        #expect(own.words.contains("None in requests to this sidecar today."))
        var state = InfoReport.PriceState()
        (state.file, state.loadedAt, state.error) = ("/etc/<prices>.yaml", "2026-11-30T14:03:10Z", "line 3: <b>")
        let file = try page(Self.prices, file: state)
        #expect(
            file.words.contains(
                "3 prices of 2 providers in USD, 1 from the policy file, the others from /etc/<prices>.yaml , read 30 Nov"
            ),
            "\(file.words)")
        #expect(file.words.contains("The price file could not be loaded, so the last one applies: line 3: <b>"))
        #expect(!file.text.contains("<prices>"))
        #expect(try page("").words.contains("No prices: a request costs what it says."))
    }

    @Test("the page says what a model without a price leads to")
    func rules() throws {
        for (rule, sentence) in [
            ("warn", "count without its cost, and the reply says so."), ("refuse", "such a model are denied."),
            ("{ input: 15, cache_read: 7.5 }", "have the price of unknown_model: input 15, cache read 7.5."),
        ] {
            let page = try page(Self.prices + "unknown_model: \(rule)\n")
            #expect(page.words.contains(sentence), "\(rule): \(page.words)")
        }
    }

    @Test("the models without a price are listed, those of the most requests first, and at most 100")
    func unknown() throws {
        let some = try page(
            Self.prices,
            [
                .init(name: "gpt-9", provider: nil): 2, .init(name: "<i>", provider: "x"): 1_234,
                .init(name: "gpt-9", provider: "openai"): 2,
            ])
        #expect(some.words.contains("<i> x 1\u{202F}234 gpt-9 none named 2 gpt-9 openai 2"), "\(some.words)")
        #expect(!some.words.contains(" more") && !some.text.contains("<i>"))
        let many = (0..<104).map { (UnknownModels.Model(name: "m\($0)", provider: nil), 1) }
        let all = try page(Self.prices, Dictionary(uniqueKeysWithValues: many))
        #expect(all.words.contains("and 4 more"))
        #expect(all.text.matches(of: /<bdi>m\d+<\/bdi>/).count == 100)
    }
}
