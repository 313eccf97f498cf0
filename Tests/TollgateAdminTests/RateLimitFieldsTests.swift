import Testing
import TollgateCore

@testable import TollgateAdmin

@Suite("RateLimit fields")
struct RateLimitFieldsTests {
    private func fields(
        _ limit: String, max: String?, remaining: String?, allowed: Bool = true, reset: Double? = nil,
        retry: Double? = nil, unit: MoneyUnit = .nano
    ) -> RateLimitFields? {
        RateLimitFields(
            Decision(
                allowed: allowed, limit: limit, max: max.map { Quantity($0) },
                remaining: remaining.map { Quantity($0) },
                resetAfter: reset, retryAfter: retry), moneyUnit: unit)
    }

    @Test("seconds are rounded up, and omitted if unknown")
    func seconds() {
        let allowed = fields("user:a/requests/90s", max: "60", remaining: "57", reset: 41.2)
        #expect(allowed?.policy == #""user:a/requests/90s";q=60;w=90"#)
        #expect(allowed?.limit == #""user:a/requests/90s";r=57;t=42"#)
        let denied = fields("user:a/tokens/day", max: "60", remaining: "0", allowed: false, reset: 5, retry: 12.0)
        #expect(denied?.policy == #""user:a/tokens/day";q=60;qu="tokens""#)
        #expect(denied?.limit == #""user:a/tokens/day";r=0;t=12"#)
        #expect(fields("a:b/concurrent", max: "5", remaining: "0", allowed: false)?.limit == #""a:b/concurrent";r=0"#)
    }

    @Test("money is in nano-units, and omitted above 15 digits")
    func money() {
        let most = fields("user:a/cost/month", max: "999999.999999999", remaining: "0.25")
        #expect(most?.policy == #""user:a/cost/month";q=999999999999999;qu="nano-currency""#)
        #expect(most?.limit == #""user:a/cost/month";r=250000000"#)
        #expect(fields("user:a/cost/month", max: "1000000", remaining: "1") == nil)
    }

    @Test("money is in the policy's unit", arguments: [(0, "currency"), (2, "centi-currency"), (4, "currency-e-4")])
    func decimals(decimals: Int, name: String) throws {
        let unit = try #require(MoneyUnit(decimals: decimals))
        let most = fields("user:a/cost/month", max: "5000000000", remaining: "25", unit: unit)
        let scale = Int64(unit.countPerCurrencyUnit)
        #expect(most?.policy == #""user:a/cost/month";q=\#(5_000_000_000 * scale);qu="\#(name)""#)
        #expect(most?.limit == #""user:a/cost/month";r=\#(25 * scale)"#)
    }

    @Test("the unit is stated unless it is requests")
    func units() {
        let units = [
            "requests/1h": "", "tokens/1h": ";qu=\"tokens\"", "input_tokens/1h": ";qu=\"input-tokens\"",
            "output_tokens/1h": ";qu=\"output-tokens\"",
        ]
        for (limit, unit) in units {
            #expect(fields("a:b/\(limit)", max: "5", remaining: "1")?.policy == "\"a:b/\(limit)\";q=5;w=3600\(unit)")
        }
        #expect(
            fields("a:b/concurrent", max: "5", remaining: "1")?.policy
                == "\"a:b/concurrent\";q=5;qu=\"concurrent-requests\"")
    }

    @Test("strings are escaped for any scope")
    func strings() {
        let limit = "user:é\"\\%/x y/requests/1m"
        #expect(fields(limit, max: "1", remaining: "1")?.limit == #""user:%C3%A9\"\\%25/x y/requests/1m";r=1"#)
    }

    @Test("meter and period are those of the limit for any scope")
    func names() {
        #expect(
            fields("user:x/cost/total/requests/1m", max: "7", remaining: "7")?.policy.hasSuffix(";q=7;w=60") == true)
        #expect(
            fields("user:x/cost/concurrent", max: "7", remaining: "7")?.policy.hasSuffix(
                "concurrent\";q=7;qu=\"concurrent-requests\"") == true)
    }

    @Test("there are no fields without a limit or a max")
    func none() {
        #expect(RateLimitFields(Decision(allowed: true), moneyUnit: .nano) == nil)
        #expect(fields("user:a/requests/1m", max: "unlimited", remaining: nil) == nil)
        #expect(fields("user:a/requests/1m", max: nil, remaining: nil) == nil)
    }
}
