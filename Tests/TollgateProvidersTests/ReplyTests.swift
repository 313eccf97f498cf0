import Testing
import TollgateCore

@testable import TollgateProviders

/// The replies of the facts, and what is wrong with others.
@Suite("Replies of providers")
struct ReplyTests {
    private static let day: Int64 = 86_400
    private static let start: Int64 = 1_795_132_800  // 2026-11-20

    @Test("Anthropic's usage is summed over rows and kinds of cache writes")
    func anthropicUsage() throws {
        let page = try AnthropicReplies.usagePage(Samples.anthropicUsage.utf8, width: Self.day)
        let figures = ProviderFigures(
            inputTokens: 1_507, cacheReadTokens: 200, cacheWriteTokens: 1_500, outputTokens: 501)
        let none = ProviderFigures(inputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0)
        #expect(
            page.buckets == [
                .init(start: Self.start, figures: figures), .init(start: Self.start + Self.day, figures: none),
            ])
        #expect(page.nextPage == "page_MjAy")
    }

    @Test("Anthropic's costs are texts of cents, summed exactly and rounded once")
    func anthropicCosts() throws {
        let page = try AnthropicReplies.costPage(Samples.anthropicCosts.utf8)
        #expect(page.buckets.map(\.figures.cost) == [Money(nanos: 1_237_891_201), nil])
        #expect(page.nextPage == nil)
        let one = try AnthropicReplies.costPage(Samples.anthropicCosts.utf8, workspaces: ["w_1"])
        #expect(one.buckets.map(\.figures.cost) == [Money(nanos: 1_237_891_200), nil])
        let other = try AnthropicReplies.costPage(Samples.anthropicCosts.utf8, workspaces: ["w_2"])
        #expect(other.buckets.map(\.figures.cost) == [Money(nanos: 0), nil])
    }

    @Test("OpenAI's input tokens include cached ones, which are subtracted")
    func openAIUsage() throws {
        let page = try OpenAIReplies.usagePage(Samples.openAIUsage.utf8, width: Self.day)
        let figures = ProviderFigures(
            inputTokens: 157, cacheReadTokens: 800, cacheWriteTokens: 50, outputTokens: 501, requests: 6)
        #expect(page.buckets == [.init(start: 1_730_419_200, figures: figures)])
        #expect(page.nextPage == "page_AAAA")
    }

    @Test("OpenAI's costs are numbers of dollars, also with an exponent")
    func openAICosts() throws {
        let page = try OpenAIReplies.costPage(Samples.openAICosts.utf8)
        #expect(page.buckets.map(\.figures.cost) == [Money(nanos: 60_012_000), nil])
    }

    @Test("OpenRouter's key says its cost of today and its limit")
    func openRouterKey() throws {
        let today = UTCDay(number: 20_788)
        let key = try OpenRouterReplies.key(Samples.openRouterKey.utf8, today: today)
        #expect(
            key
                == OpenRouterReplies.Key(
                    today: Money(nanos: 12_000),
                    quota: ProviderQuota(
                        name: "key", unit: .nanoDollars, limit: 5_000_000_000, used: 2_750_000_000,
                        remaining: 0, resetsAt: UTCDay(parsing: "2027-01-01")?.start),
                    isManagementKey: false))
        let free = #"{"data":{"limit":null,"limit_remaining":null,"limit_reset":null,"usage":1e-3,"usage_daily":0.25}}"#
        let unlimited = try OpenRouterReplies.key(free.utf8, today: today).quota
        #expect(
            unlimited
                == ProviderQuota(
                    name: "key", unit: .nanoDollars, limit: nil, used: 1_000_000, remaining: nil, resetsAt: nil))
    }

    @Test("OpenRouter's activity is summed by day")
    func openRouterActivity() throws {
        let days = try OpenRouterReplies.activity(Samples.openRouterActivity.utf8)
        #expect(
            days == [
                UTCDay(number: 20_777): ProviderFigures(
                    inputTokens: 30, outputTokens: 5, requests: 3, cost: Money(nanos: 15_000_001)),
                UTCDay(number: 20_778): ProviderFigures(
                    inputTokens: 1, outputTokens: 2, requests: 1, cost: Money(nanos: 0)),
            ])
    }

    @Test("GitHub's resources are quotas")
    func gitHub() throws {
        let quotas = try GitHubReplies.quotas(Samples.gitHub.utf8)
        #expect(
            quotas == [
                ProviderQuota(
                    name: "core", unit: .requests, limit: 5_000, used: 1, remaining: 4_999, resetsAt: 1_372_700_873),
                ProviderQuota(
                    name: "search", unit: .requests, limit: 30, used: 12, remaining: 18, resetsAt: 1_372_697_452),
            ])
    }

    @Test("a cut reply is a failure, wherever it is cut", arguments: Samples.all.indices)
    func truncation(index: Int) {
        let (text, parse) = Samples.all[index]
        let bytes = Array(text.utf8)
        #expect(throws: Never.self) { try parse(bytes) }
        for length in bytes.indices {
            let failure = #expect(throws: ProviderFailure.self) { try parse(Array(bytes[..<length])) }
            guard case .malformed = failure?.kind else {
                Issue.record("\(length) bytes: \(String(describing: failure))")
                continue
            }
        }
    }

    @Test("a changed reply is parsed, or is a failure", arguments: Samples.all.indices)
    func mutation(index: Int) {
        var random = SeededGenerator(seed: UInt64(index) + 1)
        let (text, parse) = Samples.all[index]
        let characters = Array("0123456789-+eE.,:{}[]\"nulltrue \u{0}\u{80}".utf8)
        for _ in 0..<3_000 {
            var bytes = Array(text.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let offset = Int.random(in: bytes.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[offset] = characters[Int.random(in: characters.indices, using: &random)]
                case 1: bytes.remove(at: offset)
                default: bytes.insert(characters[Int.random(in: characters.indices, using: &random)], at: offset)
                }
            }
            do { try parse(bytes) } catch { #expect(error is ProviderFailure) }
        }
    }

    @Test(
        "an absurd field is a failure that names it",
        arguments: [
            (
                "\"uncached_input_tokens\":1500", "\"uncached_input_tokens\":-1",
                "data[0].results[0].uncached_input_tokens: a negative number"
            ),
            (
                "\"uncached_input_tokens\":1500", "\"uncached_input_tokens\":1e16",
                "data[0].results[0].uncached_input_tokens: more than 10^15"
            ),
            (
                "\"uncached_input_tokens\":1500", "\"uncached_input_tokens\":1.5",
                "data[0].results[0].uncached_input_tokens: expected a whole number, found 1.5"
            ),
            (
                "\"uncached_input_tokens\":1500", "\"uncached_input_tokens\":\"15\"",
                "data[0].results[0].uncached_input_tokens: expected a whole number, found text"
            ),
            (
                "\"uncached_input_tokens\":1500", "\"uncached_input_tokens\":1e15",
                "data[0].results[1].uncached_input_tokens: the sum is more than 10^15"
            ),
            (
                "\"output_tokens\":500", "\"output_tokens\":null",
                "data[0].results[0].output_tokens: expected a whole number, found null"
            ),
            ("\"output_tokens\":500,", "", "data[0].results[0].output_tokens: expected a whole number, found none"),
            (
                "\"cache_creation\":{", "\"cache_creation\":[],\"x\":{",
                "data[0].results[0].cache_creation: expected an object, found a list"
            ),
            ("\"2026-11-20T00:00:00Z\"", "\"2026-11-20T01:00:00Z\"", "data[0].start: not the start of a bucket"),
            (
                "\"2026-11-20T00:00:00Z\"", "\"yesterday\"",
                "data[0].starting_at: expected a time such as 2026-11-20T00:00:00Z"
            ),
            ("\"has_more\":true", "\"has_more\":\"yes\"", "has_more: expected true or false, found text"),
            ("\"next_page\":\"page_MjAy\"", "\"next_page\":null", "next_page: expected 1 to 2048 bytes of text"),
            ("\"data\":[", "\"data\":{},\"x\":[", "data: expected a list, found an object"),
        ])
    func fields(part: String, change: String, sentence: String) {
        let text = Samples.anthropicUsage.replacing(part, with: change, maxReplacements: 1)
        let failure = #expect(throws: ProviderFailure.self) {
            try AnthropicReplies.usagePage(text.utf8, width: Self.day)
        }
        #expect(failure?.kind == .malformed(sentence))
    }

    @Test("a credit is subtracted from the cost of its day")
    func credits() throws {
        func cost(_ value: String) throws -> Int128 {
            let text = Samples.openAICosts.replacing("0.06", with: value, maxReplacements: 1)
            return try OpenAIReplies.costPage(text.utf8).buckets.reduce(0) { $0 + ($1.figures.cost?.nanos ?? 0) }
        }
        let (before, after) = (try cost("0.06"), try cost("-0.06"))
        #expect(before - after == 120_000_000, "\(before) \(after)")
    }

    @Test("an absurd cost is a failure that names the field")
    func costs() {
        func sentence(_ value: String) -> ProviderFailure.Kind? {
            let text = Samples.openAICosts.replacing("0.06", with: value)
            return #expect(throws: ProviderFailure.self) { try OpenAIReplies.costPage(text.utf8) }?.kind
        }
        #expect(sentence("\"--1\"") == .malformed("data[0].results[0].amount.value: a negative number"))
        #expect(sentence("1e16") == .malformed("data[0].results[0].amount.value: more than 10^15"))
        #expect(sentence("1e15") == .malformed("amount.value: the sum is more than 10^15"))
        #expect(sentence("\"x\"") == .malformed("data[0].results[0].amount.value: expected a decimal number"))
        #expect(
            sentence("0.06,\"currency\":\"eur\"},\"x\":{\"y\":0")
                == .malformed("data[0].results[0].amount.currency: expected usd"))
    }
}
