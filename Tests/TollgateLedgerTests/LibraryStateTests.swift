import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger

/// Tests that the library's state between calls changes no result, whatever calls came before.
@Suite struct LibraryStateTests {
    private static let noon = TwinServers.noon
    private static let day: Int64 = 86_400_000

    private func policy(calendar: CalendarRules = .utc) throws -> Policy {
        var policy = Policy()
        policy.calendar = calendar
        policy.history = ["user", "tool", "provider"]
        policy.defaults = [
            try ScopeKind(parsing: "user"): [
                Limit(.requests, .sliding(seconds: 60), max: 9),
                Limit(.requests, .sliding(seconds: 3_600), max: 5, mode: .shadow),
                Limit(.tokens, .total, max: 5_000), Limit(.cost, .day, max: 1_000),
                Limit(.concurrent, .reservation, max: 2),
            ],
            try ScopeKind(parsing: "tool"): [Limit(.requests, .sliding(seconds: 60), max: 100)],
        ]
        return policy
    }

    /// Applies the same operations to both servers, in one batch.
    private func apply(
        _ operations: [TestOperation], at now: Int64 = noon
    ) -> (LedgerHarness, Int) async throws -> [String] {
        { harness, _ in try await harness.answers(to: operations, at: now).map { "\($0.line) \($0.milliseconds)" } }
    }

    @Test("each operation has the same result on a new library and a used one, twice, whatever fails in between")
    func operations() async throws {
        let twins = try await TwinServers(policy: policy())
        let amounts = Amounts(requests: 1, inputTokens: 20, outputTokens: 30, cost: 40)
        let scopes = try ["user:a", "tool:t", "provider:p"].map { try Scope(parsing: $0) }
        func reserve(_ id: Int) throws -> TestOperation { try .reserve(scopes, amounts, id: "\(id)", seconds: 600) }
        let record = try TestOperation.record("user:a", "tool:t", "provider:p", amounts: amounts)
        let refund = try TestOperation.refund("user:a", "tool:t", amounts: Amounts(requests: 1, cost: 15))
        var late = record
        late.usedAt = Self.noon - Self.day
        let steps: [(String, (LedgerHarness, Int) async throws -> [String])] = [
            ("CHECK", apply([try .check("user:a", "tool:t")])),
            ("CHECK of amounts", apply([try .check("user:a", "tool:t", amounts: amounts)])),
            ("PEEK", apply([TestOperation(verb: .peek, amounts: amounts, scopes: scopes)])),
            ("RECORD", apply([record])), ("RECORD once", apply([record.once("1")])), ("RECORD late", apply([late])),
            ("REFUND", apply([refund])), ("REFUND once", apply([refund.once("1")])),
            ("RESERVE", { try await apply([reserve($1)])($0, $1) }),
            ("RESERVE over the limit", { try await apply([reserve(10 + $1)])($0, $1) }),
            ("COMMIT", apply([try reserve(1).commit(madeAt: Self.noon, amounts: Amounts(cost: 3))])),
            ("CANCEL", apply([try reserve(2).cancel(madeAt: Self.noon)])),
            ("CANCEL of what is committed", apply([try reserve(1).cancel(madeAt: Self.noon)])),
            ("past thresholds", apply([try .record("user:a", amounts: Amounts(cost: 850)), record])),
            ("DENY", apply(Array(repeating: try .check("user:a", "tool:t", amounts: Amounts(requests: 4)), count: 3))),
            (
                "a key that is no hash",
                { harness, time in
                    if time == 1 { try harness.redis.cli("SET", "tollgate:user:broken", "x") }
                    return try await apply([.check("user:broken", "tool:t"), .check("user:b")])(harness, time)
                }
            ),
            ("many", apply(try (0..<60).map { try .check("user:u\($0 % 7)", "tool:t\($0 % 3)") } + [record, refund])),
            ("another day", apply([try .check("user:a", "tool:t"), record], at: Self.noon + Self.day)),
            ("the day before again", apply([refund, try .check("user:a", "tool:t")])),
            (
                "USAGE",
                { harness, _ in
                    try await harness.usage(of: "user:a", at: Self.noon).items.map {
                        "\($0.limit.limit.name) \($0.used) \($0.held) \($0.resetsAt ?? 0)"
                    }
                }
            ),
        ]
        for harness in [twins.fresh, twins.used] { try harness.redis.cli("HSET", "tollgate:user:hash", "a", "1") }
        func compareAll(_ calendar: String) async throws {
            for (name, call) in steps {
                let now = name == "another day" ? Self.noon + Self.day : Self.noon
                try await twins.compare("\(name), \(calendar)", at: now, call)
            }
        }
        try await compareAll("UTC")
        // Under another calendar, with the same period ids.
        let calendar = try CalendarRules(timeZone: "Asia/Kolkata", resetHour: 3)
        for harness in [twins.fresh, twins.used] { try await harness.install(policy(calendar: calendar)) }
        try await compareAll("Kolkata")
        try await twins.stop()
    }

    @Test("every other function has the same result on a new library and a used one, twice, whatever fails in between")
    func otherFunctions() async throws {
        let twins = try await TwinServers(policy: policy())
        for harness in [twins.fresh, twins.used] { try harness.redis.cli("HSET", "tollgate:user:hash", "a", "1") }
        let opened = [
            "tollgate:alert:1", "tollgate:alerts", "tollgate:alerts:user:a", "tollgate:alerts:open",
            "tollgate:alerts:open",
            "tollgate:alerts:ending", "tollgate:deliveries",
        ]
        let prefix = "tollgate:{policy}:"
        let edited = [
            "tiers", "revision", "audit", "assigned", "index", "tiers", "kinds", "limits", "overrides",
        ].map { prefix + $0 }
        let delivery = ["tollgate:lease", "tollgate:deliveries", "tollgate:attempts", "tollgate:dead-letters"]
        let spent = try TestOperation.record("user:a", amounts: Amounts(cost: 950))
        let steps: [(String, [String], [String])] = [
            (
                "alerts/publish", opened,
                ["", "opened", "1", "\(Self.noon)", "\(Self.noon)", "\(Self.noon)", "{}", "channel", "state", "open"]
            ),
            ("alerts/remove_published", ["tollgate:user:a"], ["nothing"]),
            ("alerts/forget", ["tollgate:user:a"], ["cost/day", "80", "\(Self.noon)"]),
            ("delivery/lease", [delivery[0]], ["sidecar", "60000"]),
            ("delivery/skip_missed", [delivery[0], delivery[1], delivery[3]], ["sidecar", "group"]),
            (
                "delivery/retry", [delivery[1], delivery[2], delivery[3], "tollgate:retries"],
                ["group", "sidecar", "", ""]
            ),
            ("delivery/fail", delivery, ["sidecar", "group", "1-1", "again", "{}"]),
            (
                "policy/edit", edited,
                [
                    "tier.set", "basic", #"{"a":1}"#, "any", "tier basic", "0", "0", "", "channel", "who", "from",
                    "user", "0",
                ]
            ),
            ("policy/lookup", [edited[0]], []),
            ("policy/audit", [edited[1], edited[2]], ["channel", "who", "from", "reset", "user:a", "{}", "0"]),
            (
                "policy/run_marker", ["marker", "revision", "scratch"].map { prefix + $0 },
                ["0", "", "0", "0", "id", "2", "0"]
            ),
            ("policy/seen", ["tollgate:alerts"], ["10", "", "", "newest"]),
            ("policy/index", [edited[7], edited[8], prefix + "scope:user:a"], ["user:a"]),
            ("policy/reset", ["tollgate:user:a"], ["cost/day"]),
            (
                "accounts/figures", ["tollgate:account:a"],
                [
                    "\(Self.noon + 86_400_000)", "tokens/day.provider", "5 2100-01-01 4102531200000",
                    "cost/day.provider", "",
                ]
            ),
        ]
        try await twins.compare("RECORD", apply([spent]))
        for harness in [twins.fresh, twins.used] {
            #expect(try harness.redis.cli("XGROUP", "CREATE", delivery[1], "group", "0", "MKSTREAM") == "OK")
        }
        for (function, keys, arguments) in steps {
            try await twins.compare(function, TwinServers.call(function, keys: keys, arguments))
        }
        try await twins.compare("RECORD", apply([spent]))

        let listed = try twins.used.redis.cli("FUNCTION", "LIST").split(separator: "\n").map(String.init)
        let called = Set((steps.map(\.0) + ["batch", "peek", "usage"]).map { RedisFunction($0).name })
        #expect(Set(listed.filter { $0.hasPrefix(RedisLibrary.tollgate.name + "_") }) == called, "all are called")
        try await twins.stop()
    }
}
