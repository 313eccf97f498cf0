import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

@Suite("Denied requests in the history")
struct HistoryDenialTests {
    private static let start: Int64 = 4_101_840_000_000  // 2099-12-25T00:00:00Z

    private func denied(
        _ limited: String, of scopes: [String], mode: LimitMode = .enforce, also other: [String: Limit] = [:],
        _ meter: String = "denied"
    ) async throws -> [Int64?] {
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: limited)] = [Limit(.requests, .sliding(seconds: 60), max: 3, mode: mode)]
        for (kind, limit) in other { policy.defaults[try ScopeKind(parsing: kind)] = [limit] }
        let harness = try await LedgerHarness(policy: policy)
        let check = TestOperation(
            verb: .check, amounts: Amounts(requests: 1),
            scopes: try ["user:a", "tool:x", "provider:p", "user:a+tool:x", "global"].map { try Scope(parsing: $0) })
        _ = try await harness.apply(Array(repeating: check, count: 5), at: Self.start)
        let stored = try StoredHistory(harness.redis)
        try await harness.stop()
        return scopes.map { stored.day("2099-12-25", of: $0)[meter] }
    }

    @Test("count for the scope that denied them")
    func refusing() async throws {
        #expect(try await denied("user", of: ["user:a", "tool:x"]) == [2, nil])
    }

    @Test("count for the parts of the composite scope that denied them, and for no others")
    func refusedByJoined() async throws {
        let scopes = ["user:a", "tool:x", "provider:p", "user:a+tool:x"]
        #expect(try await denied("user+tool", of: scopes) == [2, 2, nil, nil])
    }

    @Test("those that only a shadow limit would have denied count as would_deny, by the same rules")
    func shadow() async throws {
        let scopes = ["user:a", "tool:x", "provider:p", "global"]
        #expect(try await denied("user", of: scopes, mode: .shadow, "would_deny") == [2, nil, nil, nil])
        #expect(try await denied("user", of: scopes, mode: .shadow) == [nil, nil, nil, nil])
        #expect(try await denied("user+tool", of: scopes, mode: .shadow, "would_deny") == [2, 2, nil, nil])
    }

    @Test("those that an enforced limit denied do not count as would_deny, too")
    func enforced() async throws {
        let tool = ["tool": Limit(.requests, .sliding(seconds: 60), max: 4)]
        let scopes = ["user:a", "tool:x"]
        #expect(try await denied("user", of: scopes, mode: .shadow, also: tool, "would_deny") == [1, nil])
        #expect(try await denied("user", of: scopes, mode: .shadow, also: tool) == [nil, 1])
    }
}
