import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of published denials: the first of a limit in a period, then at most one a minute.
@Suite struct DenialNoticeTests {
    private static let start: Int64 = 4_101_840_000_000  // 2099-12-25T00:00:00Z

    private func harness(
        _ user: Limit, _ tool: Limit? = nil, redis: TestRedis? = nil, history: Set<String> = ["user", "tool"]
    ) async throws -> LedgerHarness {
        var policy = Policy()
        policy.history = history
        policy.defaults[try ScopeKind(parsing: "user")] = [user]
        if let tool { policy.defaults[try ScopeKind(parsing: "tool")] = [tool] }
        return try await LedgerHarness(policy: policy, redis: redis)
    }

    private func denials(_ harness: LedgerHarness) async throws -> [DenialEvent] {
        try await harness.takeNotices().compactMap { if case .denied(let event) = $0 { event } else { nil } }
    }

    @Test("the first denial is published, with the scopes of the request")
    func first() async throws {
        let harness = try await harness(Limit(.requests, .sliding(seconds: 3_600), max: 1))
        _ = try await harness.apply([.check("user:a"), .check("user:a", "tool:x"), .check("user:a")], at: Self.start)
        let event = try #require(try await denials(harness).first)
        #expect(event.at == Self.start)
        #expect(event.scope.description == "user:a")
        #expect(event.meter == .requests)
        #expect(event.period == .sliding(seconds: 3_600))
        #expect(event.max == 1)
        #expect(event.used == 1)
        #expect(event.source == "defaults")
        #expect(event.request.map(\.description) == ["user:a", "tool:x"])
        try await harness.stop()
    }

    @Test("later at most one denial a minute is published, and the first one of a new period")
    func paced() async throws {
        let harness = try await harness(Limit(.requests, .day, max: 1))
        _ = try await harness.apply(.check("user:a"), at: Self.start)
        var told: [Int64] = []
        let midnight = Self.start + 86_400_000
        for time in [1, 59_999, 60_001, 60_002, 120_000, 120_001] {
            _ = try await harness.apply(.check("user:a"), at: Self.start + Int64(time))
            told += try await denials(harness).map { $0.at - Self.start }
        }
        #expect(told == [1, 60_001, 120_001])
        _ = try await harness.apply(.check("user:a"), at: midnight - 1)
        #expect(try await denials(harness).count == 1)
        _ = try await harness.apply([.check("user:a"), .check("user:a")], at: midnight)
        #expect(try await denials(harness).count == 1)
        try await harness.stop()
    }

    @Test("denials of each limit are published, but not those of PEEK")
    func each() async throws {
        let harness = try await harness(Limit(.requests, .day, max: 0), Limit(.cost, .request, max: 5))
        let peek = TestOperation(verb: .peek, amounts: Amounts(requests: 1), scopes: [try Scope(parsing: "user:a")])
        _ = try await harness.apply(peek, at: Self.start)
        #expect(try await denials(harness).isEmpty)
        let check = try TestOperation.check("user:a", "tool:x", amounts: Amounts(requests: 1, cost: 6))
        _ = try await harness.apply(check, at: Self.start)
        #expect(try await denials(harness).map { $0.scope.description }.sorted() == ["tool:x", "user:a"])
        try await harness.stop()
    }

    @Test("requests that a shadow limit would have denied are published as such, at the same rate, but no PEEKs")
    func shadow() async throws {
        let harness = try await harness(
            Limit(.requests, .day, max: 0, mode: .shadow), Limit(.requests, .sliding(seconds: 60), max: 1))
        let scopes = try ["user:a", "tool:x"].map { try Scope(parsing: $0) }
        let peek = TestOperation(verb: .peek, amounts: Amounts(requests: 1), scopes: scopes)
        _ = try await harness.apply(peek, at: Self.start)
        #expect(try await denials(harness).isEmpty)
        let checks = try Array(repeating: TestOperation.check("user:a", "tool:x"), count: 3)
        let answers = try await harness.apply(checks, at: Self.start)
        #expect(answers.map { $0.prefix(4) } == ["ALLO", "DENY", "DENY"])
        #expect(
            try await denials(harness).map { "\($0.scope)/\($0.limitName) \($0.mode)" }.sorted()
                == ["tool:x/requests/1m enforce", "user:a/requests/day shadow"])
        _ = try await harness.apply(.check("user:a"), at: Self.start + 59_999)
        #expect(try await denials(harness).isEmpty)
        _ = try await harness.apply(.check("user:a"), at: Self.start + 60_000)
        let event = try #require(try await denials(harness).first)
        #expect(event.mode == .shadow && event.used == 2 && event.max == 0)
        try await harness.stop()
    }

    @Test("the time of a denial expires after a minute if the scope has no other data")
    func expires() async throws {
        let redis = try TestRedis()
        let harness = try await harness(Limit(.requests, .day, max: 0), redis: redis, history: [])
        _ = try await harness.apply(.check("user:a"), at: nil)
        let left = try #require(Int(try redis.cli("PTTL", "tollgate:user:a")))
        #expect((1...60_000).contains(left))
        try await harness.stop()
    }
}
