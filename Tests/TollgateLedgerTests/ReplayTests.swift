import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of batches that are sent again.
@Suite struct ReplayTests {
    private func policy() throws -> Policy {
        var policy = Policy()
        policy.defaults = [
            try ScopeKind(parsing: "user"): [
                Limit(.tokens, .total, max: nil), Limit(.concurrent, .reservation, max: 5),
            ]
        ]
        return policy
    }

    private func record(_ identity: BatchIdentity, _ operations: [TestOperation], plans: ScopePlanCache)
        -> Journal.Record
    {
        var encoder = BatchEncoder(number: Int(identity.sequence), keySpace: KeySpace(namespace: "tollgate"))
        for operation in operations {
            encoder.append(
                operation.verb, operation.amounts, on: operation.scopes.map { plans.plan(for: $0) },
                terms: operation.terms)
        }
        let kept = zip(encoder.batchedOperations(), operations).map { JournalEntry($0, $1.terms, []) }
        return Journal.Record(
            number: 1, identity: identity, operations: operations.count, payload: JournalEntry.text(of: kept) ?? "",
            acceptedAt: 0)
    }

    /// The usage in the counter and in the history, and no other data.
    private func expectTokens(
        _ count: Int, _ harness: LedgerHarness, _ location: SourceLocation = #_sourceLocation
    ) throws {
        var fields = try harness.redis.hash("tollgate:user:a")
        #expect(fields.removeValue(forKey: "history") != nil, sourceLocation: location)
        fields["history/requests"] = nil
        fields["history/calls"] = nil
        #expect(fields == ["tokens/total": "\(count)", "history/tokens": "\(count)"], sourceLocation: location)
    }

    @Test("a batch is applied once under its identity, however often and late it is sent")
    func once() async throws {
        let harness = try await LedgerHarness(policy: try policy())
        let plans = ScopePlanCache(policy: try policy(), keySpace: KeySpace(namespace: "tollgate"))
        let reserve = try TestOperation.reserve("user:a", amounts: Amounts(tokens: 50), id: "r1")
        #expect(try await harness.apply(reserve, at: nil).hasPrefix("ALLOW"))
        let now = try await harness.now
        let first = record(
            BatchIdentity(producer: "p", sequence: 7),
            [
                try .record("user:a", amounts: Amounts(tokens: 3)),
                try .record("user:a", amounts: Amounts(tokens: 4)).once("x"),
                reserve.commit(madeAt: now, amounts: Amounts(tokens: 20)),
                try .refund("user:b", amounts: Amounts(tokens: 1)),
            ], plans: plans)
        let second = record(
            BatchIdentity(producer: "p", sequence: 9), [try .record("user:a", amounts: Amounts(tokens: 100))],
            plans: plans)
        for _ in 0..<3 { #expect(try await harness.replay(first) == .applied) }
        #expect(try harness.redis.hash("tollgate:user:a")["tokens/total"] == "27")
        #expect(try await harness.replay(second) == .applied)
        // A batch that arrives after its successor is not applied, as its outcome was known before.
        #expect(try await harness.replay(first) == .applied)
        try expectTokens(127, harness)
        #expect(try harness.redis.cli("GET", "tollgate:last-batch:p") == "9")
        try await harness.stop()
    }

    @Test("the last applied number of a producer is read; foreign data counts as all numbers")
    func lastApplied() async throws {
        let harness = try await LedgerHarness(policy: try policy())
        #expect(try await harness.lastApplied(of: "p") == 0)
        let plans = ScopePlanCache(policy: try policy(), keySpace: KeySpace(namespace: "tollgate"))
        for sequence: Int64 in [7, 9] {
            let record = record(
                BatchIdentity(producer: "p", sequence: sequence), [try .record("user:a", amounts: Amounts(tokens: 3))],
                plans: plans)
            #expect(try await harness.replay(record) == .applied)
            #expect(try await harness.lastApplied(of: "p") == sequence)
        }
        for value in ["12 broken", "nonsense"] {
            try harness.redis.cli("SET", "tollgate:last-batch:q", value)
            #expect(try await harness.lastApplied(of: "q") == Int64(value.prefix { $0 != " " }) ?? .max)
        }
        try harness.redis.cli("HSET", "tollgate:last-batch:h", "a", "b")
        #expect(try await harness.lastApplied(of: "h") == .max)
        harness.redis.stop()
        try await eventually { try await harness.lastApplied(of: "p") == nil }
        try await harness.stop()
    }

    @Test("the operations of a batch are decoded as they were added", arguments: 1...20)
    func readBack(seed: UInt64) throws {
        var history = RandomHistory(seed: seed)
        let plans = ScopePlanCache(policy: history.policy, keySpace: KeySpace(namespace: "tollgate"))
        for number in 1...20 {
            var encoder = BatchEncoder(number: number, keySpace: KeySpace(namespace: "tollgate"))
            let operations = history.nextBatch().operations
            for operation in operations {
                encoder.append(
                    operation.verb, operation.amounts, on: operation.scopes.map { plans.plan(for: $0) },
                    terms: operation.terms, times: OperationTimes(usedAt: operation.usedAt))
                if operation.verb == .reserve { history.note(operation, "ALLOW", at: history.now) }
            }
            let readBack = encoder.batchedOperations()
            #expect(readBack.count == operations.count)
            for (operation, original) in zip(readBack, operations) {
                var amounts = original.amounts
                amounts.tokens = amounts.allTokens
                #expect(operation.verb == original.verb)
                #expect(operation.usedAt == original.usedAt)
                #expect(operation.amounts == amounts)
                #expect(operation.scopes.map(\.scope) == original.scopes)
                guard !original.verb.isDecision else { continue }
                let kept = JournalEntry(operation, original.terms, [])
                let again = try #require(JournalEntry.read(JournalEntry.text(of: [kept]) ?? "")?.first)
                #expect(again == kept)
                #expect(again.operation?.verb == original.verb)
                #expect(again.operation?.amounts == amounts)
                #expect(again.operation?.terms?.idempotencyKey == original.terms?.idempotencyKey)
            }
        }
    }

    @Test("an unreadable record is distinguished from one that cannot be applied now")
    func unreadable() async throws {
        let harness = try await LedgerHarness(policy: try policy())
        for payload in ["", "{}", "[]", #"[{"verb":"erase","scopes":[],"amounts":{}}]"#] {
            let record = Journal.Record(
                number: 1, identity: BatchIdentity(producer: "p", sequence: 1), operations: 1, payload: payload,
                acceptedAt: 0)
            #expect(try await harness.replay(record) == .impossible("this version cannot read it"))
        }
        harness.redis.stop()
        let record = record(
            BatchIdentity(producer: "p", sequence: 1), [try .record("user:a", amounts: Amounts(tokens: 3))],
            plans: ScopePlanCache(policy: try policy(), keySpace: KeySpace(namespace: "tollgate")))
        // The link may not have noticed yet that Redis has gone.
        try await eventually { try await harness.replay(record) == .notNow }
        try await harness.stop()
    }

    @Test("a broken key is reported even if the record was sent before and the reply lost")
    func brokenBefore() async throws {
        let harness = try await LedgerHarness(policy: try policy())
        let plans = ScopePlanCache(policy: try policy(), keySpace: KeySpace(namespace: "tollgate"))
        try harness.redis.cli("SET", "tollgate:user:bad", "x")
        let record = record(
            BatchIdentity(producer: "p", sequence: 4),
            [
                try .record("user:a", amounts: Amounts(tokens: 3)),
                try .record("user:bad", amounts: Amounts(tokens: 4)),
            ], plans: plans)
        for _ in 0..<3 {
            guard case .impossible(let reason, _) = try await harness.replay(record) else {
                Issue.record("a broken key was taken for applied")
                continue
            }
            #expect(reason.contains("is not a hash"))
        }
        try expectTokens(3, harness)
        try await harness.stop()
    }

    @Test("an id that was used for other amounts is reported, and the other operations are applied")
    func conflict() async throws {
        let harness = try await LedgerHarness(policy: try policy())
        let plans = ScopePlanCache(policy: try policy(), keySpace: KeySpace(namespace: "tollgate"))
        func record(_ sequence: Int64, tokens: Int64) throws -> Journal.Record {
            self.record(
                BatchIdentity(producer: "p", sequence: sequence),
                [
                    try .record("user:a", amounts: Amounts(tokens: 3)),
                    try .record("user:a", amounts: Amounts(tokens: tokens)).once("x"),
                ], plans: plans)
        }
        #expect(try await harness.replay(record(1, tokens: 10)) == .applied)
        let reason = "operation 2: its id was used before for other amounts; the others were applied"
        #expect(try await harness.replay(record(2, tokens: 11)) == .impossible(reason, operations: [1]))
        try expectTokens(16, harness)
        try await harness.stop()
    }

    @Test(
        "writes that take back are journaled when the operations before them have ended, including readings of usage",
        .timeLimit(.minutes(1)))
    func behindUsage() async throws {
        let kept = try JournalHarness()
        try await kept.journal.append("never replayed here")
        let harness = try await LedgerHarness(policy: try policy(), journal: kept.journal)
        let refund = try TestOperation.refund("user:a", amounts: Amounts(tokens: 1))
        #expect(try await harness.readUsage(of: "user:a", thenApply: refund) == "OK queued")
        #expect(
            try await harness.apply([try .record("user:a", amounts: Amounts(tokens: 5)), refund], at: nil) == [
                "OK", "OK queued",
            ])
        #expect(try await harness.apply(refund, at: nil) == "OK queued")
        #expect(kept.journal.depth.operations == 4)
        try await harness.stop()
    }

    @Test("writes that take back are journaled behind what was journaled while they waited in a batch")
    func behindShed() async throws {
        let kept = try JournalHarness()
        let harness = try await LedgerHarness(policy: try policy(), journal: kept.journal)
        let answers = try await harness.applyOverdue(
            .record("user:a", amounts: Amounts(tokens: 5)),
            thenInTime: .refund("user:a", amounts: Amounts(tokens: 2)), .record("user:a", amounts: Amounts(tokens: 1)))
        #expect(answers == ["OK queued", "OK queued", "OK queued"])
        for record in try await kept.journal.all() { #expect(try await harness.replay(record) == .applied) }
        #expect(try harness.redis.hash("tollgate:user:a")["tokens/total"] == "4")
        try await harness.stop()
    }

    @Test("the end of a reservation is remembered for at most two days, whatever end its token names")
    func farEnd() async throws {
        let harness = try await LedgerHarness(policy: try policy())
        let reserve = try TestOperation.reserve("user:a", amounts: Amounts(tokens: 5), id: "r1")
        let future = try await harness.now + 30 * 86_400_000
        #expect(try await harness.apply(reserve.commit(madeAt: future, amounts: Amounts(tokens: 3)), at: nil) == "OK")
        let marks = try harness.redis.cli("KEYS", "tollgate:user:a:settled:*").split(separator: "\n").map(String.init)
        #expect(marks.count == 1)
        for mark in marks {
            let left = Int64(try harness.redis.cli("PTTL", mark)) ?? 0
            #expect((1...2 * 86_400_000).contains(left), "\(mark): \(left) ms")
        }
        try await harness.stop()
    }
}
