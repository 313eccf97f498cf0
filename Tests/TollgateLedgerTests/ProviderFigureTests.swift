import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

/// Limits of accounts that count the figures of a provider beside our own amounts.
@Suite("Figures of providers in decisions")
struct ProviderFigureTests {
    /// 2099-12-25T00:00:00Z.
    private static let start = AlertScriptHarness.start
    /// The end of December 2099, Unix ms.
    private static let end: Int64 = 4_102_444_800_000

    private func with(
        _ limits: String, currency: String = "USD", credential: String = "credential_env: KEY",
        _ body: (LedgerHarness) async throws -> Void
    ) async throws {
        let policy = try Policy(
            yaml: """
                currency: \(currency)
                accounts: { main: { provider: openai, \(credential), limits: \(limits) } }
                """, file: "t.yaml")
        let harness = try await LedgerHarness(policy: policy)
        try await body(harness)
        try await harness.stop()
    }

    private func set(
        _ limit: String, _ amount: Int64, _ harness: LedgerHarness, period: String = "2099-12 \(end)"
    ) throws {
        try harness.redis.cli("HSET", "tollgate:account:main", "\(limit).provider", "\(amount) \(period)")
    }

    private func check(_ harness: LedgerHarness, _ amounts: Amounts = Amounts(requests: 1)) async throws -> String {
        try await harness.apply(.check("account:main", amounts: amounts), at: Self.start)
    }

    private func record(_ tokens: Int64, _ harness: LedgerHarness) async throws {
        let answer = try await harness.apply(
            .record("account:main", amounts: Amounts(tokens: tokens)), at: Self.start)
        #expect(answer == "OK")
    }

    @Test("the larger amount counts, and each side is kept by itself")
    func larger() async throws {
        try await with("{ tokens: { month: 100 } }") { harness in
            try await record(40, harness)
            #expect(try await check(harness) == "ALLOW account:main/tokens/month used=40")
            try set("tokens/month", 99, harness)
            #expect(try await check(harness) == "ALLOW account:main/tokens/month used=99")
            #expect(
                try await check(harness, Amounts(requests: 1, tokens: 2)).hasPrefix(
                    "DENY account:main/tokens/month used=99"))
            try set("tokens/month", 100, harness)
            let wait = Self.end - Self.start
            #expect(try await check(harness) == "DENY account:main/tokens/month used=100 wait=\(wait)")
            #expect(try harness.redis.hash("tollgate:account:main")["tokens/month"] == "40", "ours is as it was")
            try set("tokens/month", 30, harness)
            #expect(try await check(harness) == "ALLOW account:main/tokens/month used=40")
            try await record(60, harness)
            #expect(try await check(harness).hasPrefix("DENY account:main/tokens/month used=100"))
        }
    }

    @Test("with source: provider, the figure alone counts as soon as there is one")
    func provider() async throws {
        try await with("{ tokens: { month: { max: 100, source: provider } } }") { harness in
            try await record(200, harness)
            #expect(try await check(harness).hasPrefix("DENY account:main/tokens/month used=200"), "no figure is not 0")
            try set("tokens/month", 0, harness)
            #expect(try await check(harness) == "ALLOW account:main/tokens/month used=0")
            try set("tokens/month", 100, harness)
            #expect(try await check(harness).hasPrefix("DENY"))
        }
    }

    @Test(
        "our own amount alone counts with source: own, without a credential, and for costs in another currency",
        arguments: [
            ("{ tokens: { month: { max: 100, source: own } } }", "USD", "credential_env: KEY"),
            ("{ tokens: { month: 100 } }", "USD", "billing_day: 1"),
            ("{ cost: { month: 100 }, tokens: { 1m: 100 } }", "EUR", "credential_env: KEY"),
        ])
    func own(limits: String, currency: String, credential: String) async throws {
        try await with(limits, currency: currency, credential: credential) { harness in
            for limit in ["tokens/month", "cost/month", "tokens/1m"] { try set(limit, 1 << 50, harness) }
            #expect(try await check(harness).hasPrefix("ALLOW"))
        }
    }

    @Test(
        "a figure of another period, or a malformed one, does not count",
        arguments: ["2099-11 4099766400000", "2099-12", "", "2099-12 4102444800000 x"])
    func otherPeriod(period: String) async throws {
        try await with("{ tokens: { month: 100 } }") { harness in
            try set("tokens/month", 1_000, harness, period: period)
            #expect(try await check(harness) == "ALLOW account:main/tokens/month used=0")
            try harness.redis.cli(
                "HSET", "tollgate:account:main", "tokens/month.provider", "-5 2099-12 \(Self.end)")
            #expect(try await check(harness) == "ALLOW account:main/tokens/month used=0")
        }
    }

    @Test(
        "alerts follow the figure: opened at thresholds, resolved by a correction, and opened again only after a minute"
    )
    func alerts() async throws {
        try await with("{ tokens: { month: 100 } }") { harness in
            func changes(at time: Int64) async throws -> [String] {
                _ = try await harness.apply(
                    TestOperation(
                        verb: .peek, amounts: Amounts(requests: 1), scopes: [Scope(parsing: "account:main")]), at: time)
                return try await harness.takeNotices().flatMap { notice -> [String] in
                    guard case .outbox(let outbox) = notice else { return [] }
                    for item in outbox.items {
                        try harness.redis.cli(
                            "EVAL", AlertStore.removePublishedFunction.script, "1", "tollgate:account:main", item)
                    }
                    return outbox.items.compactMap { outbox.change(of: $0, in: .nano) }.map { change in
                        switch change {
                        case .opened(let alert): "\(alert.kind.rawValue) \(alert.threshold) \(alert.used)"
                        case .resolved(_, _, let reason): reason.rawValue
                        }
                    }
                }
            }
            try set("tokens/month", 79, harness)
            #expect(try await changes(at: Self.start).isEmpty)
            for (figure, expected) in [
                (85, ["approaching_limit 80 85"]), (86, []), (96, ["approaching_limit 95 96"]),
                (101, ["quota_exceeded 100 101"]), (97, ["corrected"]), (101, []),
            ] as [(Int64, [String])] {
                try set("tokens/month", figure, harness)
                #expect(try await changes(at: Self.start + figure) == expected, "\(figure)")
            }
            #expect(try await changes(at: Self.start + 61_000) == ["quota_exceeded 100 101"])
            #expect(try await changes(at: Self.end) == Array(repeating: "period_ended", count: 3))
        }
    }

    @Test("a batch of CHECKs never passes what one at a time would not, at whatever figure")
    func requests() async throws {
        var random = SeededGenerator(seed: 7)
        for side in ["max", "provider"] {
            try await with("{ requests: { month: { max: 60, source: \(side) }, day: 1000 } }") { harness in
                var (own, figure): (Int64, Int64?) = (0, nil)
                for round in 0..<60 {
                    if Bool.random(using: &random) {
                        figure = Int64.random(in: 0...70, using: &random)
                        try set("requests/month", figure!, harness)
                    }
                    let checks = try (0..<Int.random(in: 1...12, using: &random)).map { _ in
                        try TestOperation.check("account:main")
                    }
                    for answer in try await harness.apply(checks, at: Self.start) {
                        let counted = figure.map { side == "max" ? max(own, $0) : $0 } ?? own
                        if counted + 1 > 60 {
                            #expect(answer.hasPrefix("DENY account:main/requests/month used=\(counted) "), "\(round)")
                        } else {
                            own += 1
                            let after = figure.map { side == "max" ? max(own, $0) : $0 } ?? own
                            #expect(answer == "ALLOW account:main/requests/month used=\(after)", "\(side) \(round)")
                        }
                    }
                    if own > 50, round % 5 == 0 {
                        _ = try await harness.apply(
                            .refund("account:main", amounts: Amounts(requests: 30)), at: Self.start)
                        own -= 30
                    }
                }
                let stored = try harness.redis.hash("tollgate:account:main")
                #expect(stored["requests/month"] == "\(own)" && own > 0)
            }
        }
    }

    @Test("USAGE and lists show the amount that counts")
    func usage() async throws {
        try await with("{ tokens: { month: 100 }, cost: { month: 5 } }") { harness in
            try await record(40, harness)
            for figure: Int64 in [10, 70] {
                try set("tokens/month", figure, harness)
                let usage = try await harness.usage(of: "account:main", at: Self.start)
                #expect(usage.items.map(\.used) == [max(figure, 40), 0])
                let plan = try await harness.usagePlans(of: [Scope(parsing: "account:main")], at: Self.start)[0]
                let calendar = CalendarUsage(plan)
                let values = try harness.redis.cli(["HMGET", "tollgate:account:main"] + calendar.fields)
                #expect(calendar.fields.contains("tokens/month.provider") && values.contains("\(figure) 2099-12"))
                try await withStoreLink(to: harness.redis) { link in
                    let reader = UsageReader(link: link, keySpace: KeySpace(namespace: "tollgate"))
                    let read = try await reader.read([plan], .calendar, in: nil, fixedClock: Self.start)
                    guard case .usage(let items) = read else { throw TestFailure("\(read)") }
                    #expect(items[0].usage.items.map(\.used) == usage.items.map(\.used))
                }
            }
        }
    }

    @Test("a reset deletes our own amount and keeps the figure")
    func reset() async throws {
        try await with("{ tokens: { month: 100 } }") { harness in
            try await record(40, harness)
            try set("tokens/month", 30, harness)
            let reset = try harness.redis.cli(
                "EVAL", RedisFunction("policy/reset").script, "1", "tollgate:account:main")
            #expect(reset.hasPrefix(#"{"tokens/month":40}"#))
            #expect(try await check(harness) == "ALLOW account:main/tokens/month used=30")
        }
    }

    @Test("periods of an account are those of its provider by UTC, also over a change of the policy's clocks")
    func clocks() async throws {
        // New York's clocks go forward at 2100-03-14T07:00:00Z.
        let policy = try Policy(
            yaml: """
                timezone: America/New_York
                defaults: { user: { tokens: { day: 100 } } }
                accounts:
                  main:
                    { provider: openai, credential_env: KEY, billing_day: 15, limits: { tokens: { day: 100, month: 500 } } }
                """, file: "t.yaml")
        let harness = try await LedgerHarness(policy: policy)
        let midnight: Int64 = 4_108_752_000_000  // 2100-03-15T00:00:00Z
        try set("tokens/day", 100, harness, period: "2100-03-14 \(midnight)")
        try set("tokens/month", 500, harness, period: "2100-02 \(midnight)")
        let check = try TestOperation.check("account:main", "user:a")
        let amounts = Amounts(tokens: 90)
        // Before the change, on the day of UTC that it is on; the user's day is still the 13th.
        for time in [midnight - 86_400_000, midnight - 17 * 3_600_000 - 1] {
            #expect(try await harness.apply(check, at: time).hasPrefix("DENY account:main/tokens/"))
        }
        _ = try await harness.apply(.record("account:main", "user:a", amounts: amounts), at: midnight - 10_000)
        #expect(try await harness.apply(check, at: midnight - 1).hasPrefix("DENY account:main/tokens/"))
        #expect(
            try await harness.apply(check, at: midnight) == "ALLOW user:a/tokens/day used=90",
            "the account's day and month have ended, the user's day, of 23 hours, has not")
        #expect(try await harness.apply(check, at: midnight + 4 * 3_600_000) == "ALLOW account:main/tokens/day used=0")
        try await harness.stop()
    }

    @Test("a figure counts at once after a change of the billing day, while our own count still runs to its old end")
    func billingDay() async throws {
        func policy(_ day: Int) throws -> Policy {
            try Policy(
                yaml: """
                    accounts:
                      main: { provider: openai, credential_env: K, billing_day: \(day), limits: { tokens: { month: 100 } } }
                    """, file: "t.yaml")
        }
        let harness = try await LedgerHarness(policy: policy(1))
        try await record(10, harness)
        try await harness.install(policy(20))
        try set("tokens/month", 101, harness, period: "2099-12 4104086400000")  // to 2100-01-20
        #expect(try await check(harness).hasPrefix("DENY account:main/tokens/month used=101"))
        let usage = try await harness.usage(of: "account:main", at: Self.start)
        #expect(usage.items.map(\.used) == [101])
        try await harness.stop()
    }

    @Test("alerts say why they end: a refund, a correction, or that our own count is what counts now")
    func reasons() async throws {
        for (ending, expected) in [("refund", "refunded"), ("figure", "corrected"), ("none", "corrected")] {
            try await with("{ tokens: { month: 100 } }") { harness in
                func reasons() async throws -> [String] {
                    _ = try await check(harness)
                    return try await harness.takeNotices().flatMap { notice -> [String] in
                        guard case .outbox(let outbox) = notice else { return [] }
                        return outbox.items.compactMap { outbox.change(of: $0, in: .nano) }.compactMap { change in
                            if case .resolved(_, _, let reason) = change { reason.rawValue } else { nil }
                        }
                    }
                }
                try await record(ending == "refund" ? 90 : 10, harness)
                try set("tokens/month", ending == "refund" ? 5 : 90, harness)
                #expect(try await reasons().isEmpty)
                switch ending {
                case "refund":
                    _ = try await harness.apply(
                        .refund("account:main", amounts: Amounts(tokens: 50)), at: Self.start)
                case "figure": try set("tokens/month", 50, harness)
                default: try harness.redis.cli("HDEL", "tollgate:account:main", "tokens/month.provider")
                }
                // Each batch returns what has not been published yet.
                #expect(Set(try await reasons()) == [expected], "\(ending)")
            }
        }
    }
}
