import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger

/// The usage that a ledger counts for metrics.
@Suite struct UsageTallyTests {
    private static let policy = """
        history: [user]
        defaults: { user: { requests: { total: 10 }, tokens: { total: 1000 } } }
        """

    /// A library whose batch function replies to the first operation only.
    private static let shortReply = RedisLibrary(prefix: "short") { name in
        """
        #!lua name=\(name)
        redis.register_function('\(name)_batch', function()
            local now = redis.call('TIME')
            return cmsgpack.pack({ 1, now[1] * 1000, 1, 0, 0, 0, 0 })
        end)
        """
    }

    @Test("a reply that ends early fails the rest of a batch with writes, and the next batch is answered")
    func shortReply() async throws {
        let redis = try TestRedis(hasFunctions: true)
        let harness = try await LedgerHarness(policy: Policy(yaml: Self.policy, file: "test.yaml"), redis: redis)
        try await harness.call(RedisFunction("batch", of: Self.shortReply, script: ""))
        let record = try TestOperation.record("user:a", amounts: Amounts(tokens: 7))
        let answers = try await harness.apply([try .check("user:a"), record, record], at: nil)
        #expect(answers[0].hasPrefix("ALLOW"), "\(answers)")
        #expect(answers[1].contains("ends early") && answers[2].contains("ends early"), "\(answers)")
        try await harness.call(Ledger.batchFunction)
        #expect(try await harness.apply([record, record], at: nil) == ["OK", "OK"])
        #expect(try await harness.usage() == [.init(meter: .tokens, kind: "user"): 14])
        try await harness.stop()
    }

    @Test("usage is that of RECORD and COMMIT on scopes that are stored")
    func stored() async throws {
        let redis = try TestRedis(hasFunctions: true)
        let harness = try await LedgerHarness(policy: Policy(yaml: Self.policy, file: "test.yaml"), redis: redis)
        let record = try TestOperation.record("user:a", "provider:p", amounts: Amounts(requests: 1, tokens: 7))
        _ = try await harness.apply([record, try .check("user:a")], at: nil)
        #expect(
            try await harness.usage() == [
                .init(meter: .tokens, kind: "user"): 7, .init(meter: .requests, kind: "user"): 1,
            ])
        try await harness.stop()
    }
}
