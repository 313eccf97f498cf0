import Testing
import TollgateCore
import TollgatePolicy

/// Prices of models, and the costs that follow from them.
@Suite struct PriceTests {
    /// Reads prices as they are under `prices:` of a policy.
    static func table(_ yaml: String) throws -> PriceTable { try PriceFile(yaml: yaml, file: "p.yaml").table }

    static let table = """
        prices:
          openai:
            gpt-4o: { input: 2.50, output: 10, cache_read: 1.25 }
            gpt-4*: { input: 30, output: 60 }
            gpt-4o-mini*: { input: 0.15, output: 0.6 }
            dall-e-3: { image: 0.04 }
            whisper-1: { minute: 0.006 }
            free: { input: 0, output: 0 }
            default: { input: 100, output: 200 }
          anthropic:
            claude: { input: 3, output: 15, cache_read: 0.3, cache_write: 3.75 }
            gpt-4o: { input: 9, output: 9 }
          perplexity:
            sonar: { input: 1, output: 1, request: 0.005 }
            moved:
              - { input: 1 }
              - { from: 2026-12-15, input: 2 }
              - { from: 2027-01-01, input: 4 }
        """

    @Test(
        "text of a rate",
        arguments: [
            ("0", "0"), ("2.50", "2.5"), ("0.000000000001", "0.000000000001"), ("9000000", "9000000"),
            ("1234567.000000000001", "1234567.000000000001"),
        ])
    func rate(text: String, description: String) {
        #expect(Rate(parsing: text)?.description == description)
    }

    @Test(
        "other texts are no rates",
        arguments: [
            "", ".5", "5.", "-1", "+1", "1e3", "1,5", "0.0000000000001", "9000000.000000000001", "10000000", "½",
        ]
    )
    func noRate(text: String) {
        #expect(Rate(parsing: text) == nil)
    }

    /// Returns the outcome for `model [provider]` and amounts, on 2026-12-01.
    private func outcome(
        _ names: String, _ amounts: Amounts, _ rule: UnknownModelRule = .warn, at time: Int64 = 1_796_083_200_000,
        isDecision: Bool = true, unit: MoneyUnit = .nano
    ) throws -> Pricing.Outcome {
        let words = names.split(separator: " ").map(String.init)
        return Pricing(table: try Self.table(Self.table), unknownModel: rule).outcome(
            of: amounts, model: words[0], provider: words.count > 1 ? words[1] : nil, at: time,
            isDecision: isDecision, in: unit)
    }

    @Test("a cost is the sum over the items, rounded half up once")
    func cost() throws {
        let call = Amounts(inputTokens: 1_000, outputTokens: 500, cacheReadTokens: 2_000)
        #expect(try outcome("gpt-4o openai", call) == .cost(10_000_000))
        #expect(
            try outcome("claude anthropic", Amounts(inputTokens: 1, cacheReadTokens: 1, cacheWriteTokens: 1))
                == .cost(7_050))
        // The cache of gpt-4* has no rate of its own: that of the input applies.
        #expect(try outcome("gpt-4-turbo openai", Amounts(cacheReadTokens: 10)) == .cost(300_000))
        #expect(try outcome("dall-e-3 openai", Amounts(images: 3)) == .cost(120_000_000))
        #expect(try outcome("whisper-1 openai", Amounts(milliseconds: 61_500)) == .cost(6_150_000))
        #expect(try outcome("sonar", Amounts()) == .cost(5_000_000))
        #expect(try outcome("sonar", Amounts(requests: 3, inputTokens: 1)) == .cost(15_001_000))
        #expect(try outcome("free openai", Amounts(inputTokens: 5_000)) == .cost(0))
        #expect(try outcome("gpt-4o openai", Amounts()) == .nothing)
        // 0.00000015 a token and 0.0000006: 0.00000075, in cents 0.
        #expect(try outcome("gpt-4o-mini openai", Amounts(inputTokens: 1, outputTokens: 1)) == .cost(750))
        let cents = try #require(MoneyUnit(decimals: 2))
        #expect(try outcome("gpt-4o openai", Amounts(inputTokens: 1_999), unit: cents) == .cost(0))
        #expect(try outcome("gpt-4o openai", Amounts(inputTokens: 2_000), unit: cents) == .cost(1), "half a cent")
    }

    @Test("tokens that are not split are billed at the dearer rate")
    func unsplit() throws {
        #expect(try outcome("gpt-4o openai", Amounts(tokens: 1_000)) == .cost(10_000_000))
        #expect(try outcome("gpt-4o openai", Amounts(tokens: 5_000, inputTokens: 1_000)) == .cost(42_500_000))
        #expect(try outcome("gpt-4o openai", Amounts(tokens: 1_000, inputTokens: 0)) == .cost(10_000_000))
        #expect(try outcome("gpt-4o openai", Amounts(tokens: 5, inputTokens: 1_000)) == .cost(2_500_000))
    }

    @Test("an exact name comes before the longest prefix, and that before the default of the provider")
    func names() throws {
        let call = Amounts(inputTokens: 1_000_000)
        func price(_ names: String) throws -> Pricing.Outcome { try outcome(names, call) }
        #expect(try price("gpt-4o openai") == .cost(2_500_000_000))
        #expect(try price("gpt-4o-mini-2024 openai") == .cost(150_000_000))
        #expect(try price("gpt-4.1 openai") == .cost(30_000_000_000))
        #expect(try price("o9 openai") == .cost(100_000_000_000))
        #expect(try price("o9 anthropic") == .unknown(cost: nil))
        #expect(try price("gpt-4o nobody") == .unknown(cost: nil))
        // Without a provider: the dearest exact price, or else the dearest prefix, and no default.
        #expect(try price("gpt-4o") == .cost(9_000_000_000))
        #expect(try price("gpt-4o-mini-x") == .cost(150_000_000))
        #expect(try price("o9") == .unknown(cost: nil))
    }

    @Test("a price applies from its date, by UTC")
    func dates() throws {
        let million = Amounts(inputTokens: 1_000_000)
        func cost(at time: Int64) throws -> Pricing.Outcome { try outcome("moved", million, at: time) }
        let december15: Int64 = 1_797_292_800_000
        #expect(try cost(at: december15 - 1) == .cost(1_000_000_000))
        #expect(try cost(at: december15) == .cost(2_000_000_000))
        #expect(try cost(at: december15 + 17 * 86_400_000 - 1) == .cost(2_000_000_000))
        #expect(try cost(at: december15 + 17 * 86_400_000) == .cost(4_000_000_000))
        let later = try Self.table("prices: { p: { m: { from: 2026-12-15, input: 1 } } }")
        #expect(later.price(of: "m", provider: "p", at: december15 - 1) == nil)
    }

    @Test("the rule for unknown models")
    func unknown() throws {
        let call = Amounts(inputTokens: 1_000_000, outputTokens: 1_000_000)
        let substitute = UnknownModelRule.price(ModelPrice([.input: try #require(Rate(parsing: "5"))]))
        #expect(try outcome("x", call) == .unknown(cost: nil))
        #expect(try outcome("x", call, .refuse) == .refused)
        #expect(try outcome("x", call, .refuse, isDecision: false) == .unknown(cost: nil))
        #expect(try outcome("x", call, substitute) == .unknown(cost: 5_000_000_000))
        // Without amounts too: a CHECK is the gate.
        #expect(try outcome("x", Amounts(requests: 1)) == .unknown(cost: nil))
        #expect(try outcome("x", Amounts(requests: 1), .refuse) == .refused)
    }

    @Test("an item without a rate is not free: the cost is that of the others, and the price is not known")
    func unknownItem() throws {
        let call = Amounts(inputTokens: 1_000_000, images: 1)
        #expect(try outcome("gpt-4o openai", call) == .unknown(cost: 2_500_000_000))
        #expect(try outcome("gpt-4o openai", Amounts(images: 1)) == .unknown(cost: nil))
        #expect(try outcome("gpt-4o openai", call, .refuse) == .refused)
        let images = UnknownModelRule.price(ModelPrice([.image: try #require(Rate(parsing: "1")), .input: .free]))
        #expect(try outcome("gpt-4o openai", call, images) == .unknown(cost: 3_500_000_000))
    }

    @Test("fees of requests are known items, and a rule without a rate has no cost")
    func feesAndRules() throws {
        let fee = try Pricing(table: Self.table("prices: { p: { m: { request: 0.005 } } }"))
        func outcome(_ pricing: Pricing, _ amounts: Amounts) -> Pricing.Outcome {
            pricing.outcome(of: amounts, model: "m", provider: nil, at: 0, isDecision: false, in: .nano)
        }
        #expect(outcome(fee, Amounts(inputTokens: 1)) == .unknown(cost: 5_000_000))
        #expect(outcome(fee, Amounts()) == .cost(5_000_000))
        let rule = Pricing(unknownModel: .price(ModelPrice([.input: try #require(Rate(parsing: "5"))])))
        #expect(outcome(rule, Amounts(images: 3)) == .unknown(cost: nil))
        #expect(outcome(rule, Amounts(inputTokens: 1_000, images: 3)) == .unknown(cost: 5_000_000))
    }

    @Test("without a provider, the price is the one by which this call costs most")
    func dearest() throws {
        let pricing = try Pricing(
            table: Self.table(
                """
                prices:
                  a: { m: { input: 2.5, output: 10, cache_read: 1.25 } }
                  b: { m: { input: 3, output: 10 } }
                  c: { m: { input: 1, output: 12 } }
                """))
        func cost(_ amounts: Amounts) -> Pricing.Outcome {
            pricing.outcome(of: amounts, model: "m", provider: nil, at: 0, isDecision: false, in: .nano)
        }
        #expect(cost(Amounts(inputTokens: 1_000_000)) == .cost(3_000_000_000))
        #expect(cost(Amounts(outputTokens: 1_000_000)) == .cost(12_000_000_000))
        #expect(cost(Amounts(cacheReadTokens: 1_000_000)) == .cost(3_000_000_000))
    }

    @Test("a cost above the maximum of a call is one by itself")
    func tooLarge() throws {
        let many = Amounts(inputTokens: 1_000_000_000_000)
        #expect(try outcome("gpt-4o openai", many) == .cost(2_500_000_000_000_000))
        #expect(try outcome("gpt-4 openai", many) == .tooLarge)
        let dearest = try Self.table("prices: { p: { m: { input: 9000000, output: 9000000, image: 9000000 } } }")
        let all = Amounts(
            inputTokens: 1_000_000_000_000, outputTokens: 1_000_000_000_000, cacheReadTokens: 1_000_000_000_000,
            cacheWriteTokens: 1_000_000_000_000, images: 1_000_000)
        let price = try #require(dearest.price(of: "m", provider: "p", at: 0))
        let cost = try #require(price.cost(of: all, in: .nano))
        #expect(cost.amount == nil && cost.unknownItems.isEmpty)
    }

    @Test("prices of a policy take precedence over those of a file, name by name")
    func overlay() throws {
        var policy = try Policy(
            yaml: "fold_case: [model]\nprices: { openai: { GPT-4o: { input: 1 }, 'o*': { input: 7 } } }", file: "t.yaml"
        )
        policy = policy.priced(with: try Self.table("prices: { openai: { gpt-4o: { input: 2 }, o1: { input: 3 } } }"))
        func input(_ model: String) -> String? {
            policy.prices.price(of: model, provider: "openai", at: 0)?.rates[.input]?.description
        }
        #expect(input("o1") == "3", "exact names come first")
        #expect(input("o2") == "7")
        #expect(input("GPT-4o") == nil, "requests name it in lower case")
        #expect(input("gpt-4o") == "1")
        #expect(policy.prices.count == 3)
    }
}
