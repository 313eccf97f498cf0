import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

@Suite("What is charged of a reservation that expires, and what can keep it from that")
struct ExpiryDecisionTests {
    private static let start = ScriptTests.start
    private static let today = "2100-01-01"
    private static let charging = Limit(.cost, .day, max: 9_000, onExpiry: .charge)
    private static let plain = Limit(.cost, .day, max: 9_000)

    private func policy(_ limits: [Limit]) throws -> Policy {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "user")] = limits
        return policy
    }

    private func withHarness(_ limits: [Limit], _ body: (LedgerHarness) async throws -> Void) async throws {
        let harness = try await LedgerHarness(policy: policy(limits))
        try await body(harness)
        try await harness.stop()
    }

    private func reserve(_ id: String, onExpiry: ExpiryRule? = nil) throws -> TestOperation {
        try .reserve("user:a", "provider:p", amounts: Amounts(cost: 500), id: id, onExpiry: onExpiry)
    }

    private func used(_ harness: LedgerHarness, after milliseconds: Int64 = 60_000) async throws -> String {
        let items = try await harness.usage(of: "user:a", at: Self.start + milliseconds).items
        return items.map { "\($0.used) held \($0.held)" }.joined(separator: ", ")
    }

    private func cost(_ harness: LedgerHarness, of scope: String = "provider:p") throws -> Int64? {
        try StoredHistory(harness.redis).day(Self.today, of: scope)["cost"]
    }

    @Test("the limits at the RESERVE decide, whatever they are at its end", arguments: [true, false])
    func atReserve(isCharged: Bool) async throws {
        try await withHarness([isCharged ? Self.charging : Self.plain]) { harness in
            _ = try await harness.apply(reserve("1"), at: Self.start)
            try await harness.install(policy([isCharged ? Self.plain : Self.charging]))
            let expected = isCharged ? "500 held 0" : "0 held 0"
            #expect(try await used(harness) == expected)
            _ = try await harness.apply(.check("user:a"), at: Self.start + 60_000)
            #expect(try await used(harness) == expected)
        }
    }

    @Test("the limits at the end decide for a reservation of the version before, whose score is a whole number")
    func olderVersion() async throws {
        try await withHarness([Self.charging]) { harness in
            let first = try reserve("1")
            _ = try await harness.apply([first, reserve("2", onExpiry: .release)], at: Self.start)
            for hold in try harness.redis.cli("ZRANGE", "tollgate:user:a:holds", "0", "-1").split(separator: "\n") {
                try harness.redis.cli(
                    "ZADD", "tollgate:user:a:holds", "XX", "\(Self.start + 60_000)", String(hold))
            }
            _ = try await harness.apply(.check("user:a"), at: Self.start + 60_000)
            #expect(try await used(harness) == "500 held 0")
            _ = try await harness.apply(
                first.commit(madeAt: Self.start, amounts: Amounts(cost: 7)), at: Self.start + 61_000)
            #expect(try await used(harness, after: 61_000) == "7 held 0")
        }
    }

    @Test(
        "a scope without limits has it in its history, until a COMMIT replaces it", arguments: [nil, ExpiryRule.charge])
    func historyOnly(rule: ExpiryRule?) async throws {
        try await withHarness([Self.charging]) { harness in
            let first = try reserve("1", onExpiry: rule)
            _ = try await harness.apply([first, reserve("2", onExpiry: .release)], at: Self.start)
            #expect(try harness.redis.cli("ZCARD", "tollgate:provider:p:holds") == "1")
            #expect(
                try harness.redis.cli("ZRANGE", "tollgate:charge-queue", "0", "-1", "WITHSCORES").split(separator: "\n")
                    == ["provider:p", "\(Self.start + 60_000)", "user:a", "\(Self.start + 60_000)"])
            for _ in 0..<2 {
                let answers = try await harness.apply(
                    [.sweep("user:a"), .sweep("provider:p")], at: Self.start + 60_000)
                #expect(answers == ["OK", "OK"])
                #expect(try cost(harness) == 500)
                #expect(try cost(harness, of: "user:a") == 500)
            }
            #expect(try harness.redis.cli("EXISTS", "tollgate:charge-queue") == "0")
            #expect(try harness.redis.cli("EXISTS", "tollgate:provider:p:holds") == "0")
            _ = try await harness.apply(
                first.commit(madeAt: Self.start, amounts: Amounts(cost: 7)), at: Self.start + 61_000)
            #expect(try cost(harness) == 7)
        }
    }

    @Test("a plain reservation writes nothing for the sweep, and holds nothing of a scope without limits")
    func plain() async throws {
        try await withHarness([Self.plain]) { harness in
            _ = try await harness.apply(reserve("1"), at: Self.start)
            #expect(try harness.redis.cli("EXISTS", "tollgate:charge-queue", "tollgate:provider:p:holds") == "0")
        }
    }

    @Test("a sweep finds the next one to charge behind many that are not")
    func next() async throws {
        try await withHarness([Self.plain]) { harness in
            let others = try (0..<150).map { try reserve("\($0)") }
            let last = try TestOperation.reserve(
                "user:a", amounts: Amounts(cost: 5), id: "last", seconds: 600, onExpiry: .charge)
            _ = try await harness.apply(Array(others[..<15]) + [last], at: Self.start)
            func queued(_ milliseconds: Int64) async throws -> Int64 {
                _ = try await harness.apply(.sweep("user:a"), at: Self.start + milliseconds)
                let score = try harness.redis.cli("ZSCORE", "tollgate:charge-queue", "user:a")
                return (Int64(score) ?? 0) - Self.start
            }
            #expect(try await queued(1_000) == 600_000)
            _ = try await harness.apply(Array(others[15...].map { $0 }), at: Self.start + 2_000)
            #expect(try await queued(60_000) == 600_000)
            #expect(try await queued(600_000) == -Self.start)
            #expect(try await used(harness, after: 600_000) == "5 held 0")
        }
    }

    // MARK: - Refusals

    @Test("it stays held while the key of charged reservations has another type, and is charged once afterwards")
    func foreignCharged() async throws {
        try await withHarness([Self.charging]) { harness in
            _ = try await harness.apply(reserve("1"), at: Self.start)
            _ = try await harness.apply(reserve("2", onExpiry: .release), at: Self.start)
            try harness.redis.cli("SET", "tollgate:user:a:charged", "foreign")
            #expect(try await harness.apply(.sweep("user:a"), at: Self.start + 60_000) == "BROKEN HOLDS user:a")
            for second: Int64 in 60...63 {
                _ = try await harness.apply(.check("user:a"), at: Self.start + second * 1_000)
                #expect(try await used(harness, after: second * 1_000) == "0 held 500")
            }
            #expect(try cost(harness, of: "user:a") == nil)
            #expect(try harness.redis.cli("ZSCORE", "tollgate:charge-queue", "user:a") == "\(Self.start + 120_000)")
            try harness.redis.cli("DEL", "tollgate:user:a:charged")
            for second: Int64 in 70...73 {
                _ = try await harness.apply(.sweep("user:a"), at: Self.start + second * 1_000)
                #expect(try await used(harness, after: second * 1_000) == "500 held 0")
            }
            #expect(try cost(harness, of: "user:a") == 500)
        }
    }

    @Test("it is not made while the key of open reservations has another type; one that releases is")
    func foreignHolds() async throws {
        try await withHarness([Self.plain]) { harness in
            for scope in ["user:a", "provider:p"] {
                try harness.redis.cli("SET", "tollgate:\(scope):holds", "foreign")
                let answer = try await harness.apply(reserve("1", onExpiry: .charge), at: Self.start)
                #expect(answer == "BROKEN HOLDS \(scope)")
                #expect(try await harness.apply(reserve("2"), at: Self.start).hasPrefix("ALLOW"))
                try harness.redis.cli("DEL", "tollgate:\(scope):holds", "tollgate:user:a")
            }
            #expect(try harness.redis.cli("EXISTS", "tollgate:provider:p:holds", "tollgate:charge-queue") == "0")
        }
    }

    @Test("a queue of another type changes nothing but that nothing sweeps")
    func foreignQueue() async throws {
        try await withHarness([Self.charging]) { harness in
            try harness.redis.cli("SET", "tollgate:charge-queue", "foreign")
            #expect(try await harness.apply(reserve("1"), at: Self.start).hasPrefix("ALLOW"))
            let operations: [TestOperation] = [try .sweep("user:a", "provider:p"), try .check("user:a")]
            _ = try await harness.apply(operations, at: Self.start + 60_000)
            #expect(try await used(harness) == "500 held 0")
            #expect(try cost(harness) == 500)
            #expect(try harness.redis.cli("GET", "tollgate:charge-queue") == "foreign")
        }
    }

    @Test(
        "a user who may not run a command can neither charge nor release it by half",
        arguments: [
            "zrem", "zremrangebyrank", "zadd",
        ])
    func forbidden(command: String) async throws {
        try await withHarness([Self.charging]) { harness in
            let (first, second) = (try reserve("1"), try reserve("2"))
            _ = try await harness.apply([first, second], at: Self.start)
            try harness.redis.cli("ACL", "SETUSER", "default", "-\(command)")
            if command == "zrem" {
                let commit = first.commit(madeAt: Self.start, amounts: Amounts(cost: 7))
                #expect(try await harness.apply(commit, at: Self.start + 1_000).contains("NOPERM"))
            }
            for second: Int64 in 60...62 {
                _ = try await harness.apply(.check("user:a"), at: Self.start + second * 1_000)
                #expect(try await used(harness, after: second * 1_000) == "0 held 1000")
            }
            try harness.redis.cli("ACL", "SETUSER", "default", "+\(command)")
            for second: Int64 in 70...72 {
                _ = try await harness.apply(.check("user:a"), at: Self.start + second * 1_000)
                #expect(try await used(harness, after: second * 1_000) == "1000 held 0")
            }
            #expect(try cost(harness, of: "user:a") == 1_000)
        }
    }

    @Test(
        "a Redis that refuses writes for a while charges it once",
        arguments: [("maxmemory", "1"), ("min-replicas-to-write", "1")], [true, false])
    func refusingRedis(setting: (name: String, value: String), hasFunctions: Bool) async throws {
        let redis = try TestRedis(hasFunctions: hasFunctions)
        let harness = try await LedgerHarness(policy: policy([Self.charging]), redis: redis)
        _ = try await harness.apply(reserve("1"), at: Self.start)
        try redis.cli("CONFIG", "SET", setting.name, setting.value)
        for second: Int64 in 60...62 {
            for operation in [try TestOperation.sweep("user:a", "provider:p"), try .check("user:a")] {
                _ = try await harness.apply(operation, at: Self.start + second * 1_000)
            }
        }
        try redis.cli("CONFIG", "SET", setting.name, "0")
        for second: Int64 in 70...72 {
            _ = try await harness.apply(.sweep("user:a", "provider:p"), at: Self.start + second * 1_000)
            #expect(try await used(harness, after: second * 1_000) == "500 held 0")
            #expect(try cost(harness) == 500)
            #expect(try cost(harness, of: "user:a") == 500)
        }
        try await harness.stop()
    }
}
