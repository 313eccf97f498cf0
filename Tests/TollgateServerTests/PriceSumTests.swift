import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateServer

/// The sums of computed costs.
@Suite struct PriceSumTests {
    /// A price as it is in the file, and as whole numbers of 10⁻¹² of the currency per million tokens.
    private struct Price {
        var text: String
        var picos: [Int128]

        /// Four random rates with up to twelve fraction digits: input, output, cache_read, cache_write.
        init(using random: inout SeededGenerator) {
            let rates = (0..<4).map { _ in
                let digits = Int.random(in: 0...12, using: &random)
                let scale = (0..<digits).reduce(Int128(1)) { power, _ in power * 10 }
                let number =
                    Int128(Int64.random(in: 0...80_000_000_000_000, using: &random)) * scale / 1_000_000_000_000
                return (number, scale, digits)
            }
            picos = rates.map { $0.0 * (1_000_000_000_000 / $0.1) }
            let texts = rates.map { number, scale, digits in
                let fraction = String(String(scale + number % scale).dropFirst())
                return digits == 0 ? "\(number)" : "\(number / scale).\(fraction)"
            }
            text = zip(["input", "output", "cache_read", "cache_write"], texts).map { "\($0): \($1)" }
                .joined(separator: ", ")
        }

        /// The cost of tokens in nano-units, rounded half up: ⌊(2n + d) / 2d⌋ of the exact sum n / d.
        func cost(of tokens: [Int64]) -> Int64 {
            let (sum, divisor) = (
                zip(picos, tokens).reduce(Int128(0)) { $0 + $1.0 * Int128($1.1) }, Int128(1_000_000_000)
            )
            return Int64((2 * sum + divisor) / (2 * divisor))
        }
    }

    private static func prices(_ prices: [Price]) -> String {
        "prices:\n  p:\n" + prices.enumerated().map { "    m\($0): { \($1.text) }\n" }.joined()
    }

    @Test("1000 calls of random models add up to the exact costs by account, day and month, across an import of prices")
    func sums() async throws {
        var random = SeededGenerator(seed: 21)
        let before = (0..<50).map { _ in Price(using: &random) }
        let after = (0..<50).map { _ in Price(using: &random) }
        let limits = "defaults: { account: { cost: { day: 9000000, month: 9000000 } } }\n"
        try await withServer(policy: limits + Self.prices(before)) { harness in
            let client = try harness.client()
            var (sums, replies): ([String: Int64], [(String, String)]) = ([:], [])
            for (half, prices) in [before, after].enumerated() {
                if half == 1 {
                    try await harness.install(limits + Self.prices(after))
                }
                let calls = (0..<500).map { _ in
                    (
                        account: "a\(Int.random(in: 0..<5, using: &random))",
                        model: Int.random(in: 0..<50, using: &random),
                        tokens: (0..<4).map { _ in Int64.random(in: 0...200_000, using: &random) }
                    )
                }
                let lines = calls.map { call in
                    let words = zip(["input", "output", "cache_read", "cache_write"], call.tokens)
                        .map { "\($0)_tokens=\($1)" }.joined(separator: " ")
                    return "RECORD account=\(call.account) provider=p model=m\(call.model) \(words)"
                }
                for (call, reply) in zip(calls, try await client.ask(lines)) {
                    let cost = prices[call.model].cost(of: call.tokens)
                    sums[call.account, default: 0] += cost
                    replies.append((reply, "OK cost=\(MoneyUnit.nano.text(cost))"))
                }
            }
            #expect(replies.allSatisfy { $0.0 == $0.1 }, "\(replies.first { $0.0 != $0.1 } ?? ("", ""))")
            for (account, sum) in sums {
                let counters = try harness.redis.hash("tollgate:account:\(account)")
                #expect(counters["cost/day"] == "\(sum)")
                #expect(counters["cost/month"] == "\(sum)")
                #expect(counters["history/cost"] == "\(sum)")
            }
        }
    }
}
