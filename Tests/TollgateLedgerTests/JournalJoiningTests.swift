import GRDB
import Logging
import Synchronization
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of joined replays on a real Redis.
@Suite struct JournalJoiningTests {
    private func policy() throws -> Policy {
        var policy = Policy()
        policy.defaults = [try ScopeKind(parsing: "user"): [Limit(.tokens, .total, max: nil)]]
        return policy
    }

    private func payload(_ operations: [(verb: String, user: String, tokens: Int)]) -> String {
        let operations = operations.map {
            #"{"amounts":{"tokens":\#($0.tokens)},"scopes":["user:\#($0.user)"],"verb":"\#($0.verb)"}"#
        }
        return "[\(operations.joined(separator: ","))]"
    }

    private func tokens(of user: String, in redis: TestRedis) throws -> Int {
        try redis.hash("tollgate:user:\(user)")["tokens/total"].flatMap { Int($0) } ?? 0
    }

    /// The number of script and function calls so far.
    private func calls(of redis: TestRedis) throws -> Int {
        try redis.cli("INFO", "commandstats").split(whereSeparator: \.isNewline).reduce(0) { sum, line in
            guard line.hasPrefix("cmdstat_evalsha:") || line.hasPrefix("cmdstat_fcall:") else { return sum }
            let count = line.split(separator: "calls=").dropFirst().first?.prefix { $0.isNumber }
            return sum + (count.flatMap { Int($0) } ?? 0)
        }
    }

    /// The number of calls so far, after Redis has loaded the functions and the limits.
    private func callsOnceWarm(_ harness: LedgerHarness) async throws -> Int {
        _ = try await harness.apply(try TestOperation.check("user:warm"), at: nil)
        return try calls(of: harness.redis)
    }

    /// Replays until a condition is true. Without a ledger Redis has no last number.
    private func run(
        _ journal: Journal, until condition: () -> Bool, asking harness: LedgerHarness? = nil,
        send: @escaping @Sendable (Journal.Record) async -> JournalReplay.Outcome
    ) async throws {
        var replay = JournalReplay(
            journal: journal, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            lastApplied: { producer in
                guard let harness else { return 0 }
                return try? await harness.lastApplied(of: producer)
            }, send: send, onReplayed: { _ in })
        replay.longPause = .milliseconds(1)
        let (kept, _) = AsyncStream.makeStream(of: Void.self)
        let task = Task { [replay] in await replay.run(whenJournaled: kept) }
        try await eventually(within: .seconds(60)) { condition() }
        task.cancel()
        await task.value
    }

    private func drain(_ journal: Journal, _ harness: LedgerHarness) async throws {
        try await run(journal, until: { journal.isEmpty }, asking: harness) {
            (try? await harness.replay($0)) ?? .notNow
        }
    }

    @Test("many small records take as many calls as full batches")
    func fullCalls() async throws {
        let kept = try JournalHarness()
        let harness = try await LedgerHarness(policy: try policy())
        _ = await kept.journal.append(
            all: (0..<5_120).map { payload([(verb: "record", user: "u\($0 % 100)", tokens: 1)]) })
        let before = try await callsOnceWarm(harness)
        try await drain(kept.journal, harness)
        #expect(try calls(of: harness.redis) - before == 10)
        for user in 0..<100 {
            #expect(try tokens(of: "u\(user)", in: harness.redis) == 5_120 / 100 + (user < 20 ? 1 : 0))
        }
        try await harness.stop()
    }

    @Test("after a restart the first record is sent alone, and the others in full calls")
    func fullCallsAfterRestart() async throws {
        let kept = try JournalHarness()
        let harness = try await LedgerHarness(policy: try policy())
        _ = await kept.journal.append(all: (0..<1_025).map { payload([(verb: "record", user: "a", tokens: $0)]) })
        try await kept.reopen()
        let before = try await callsOnceWarm(harness)
        try await drain(kept.journal, harness)
        #expect(try calls(of: harness.redis) - before == 3)
        #expect(try tokens(of: "a", in: harness.redis) == 1_024 * 1_025 / 2)
        try await harness.stop()
    }

    @Test("records sent one by one by an older version are not applied again, and those behind them are joined")
    func olderVersion() async throws {
        let kept = try JournalHarness()
        let harness = try await LedgerHarness(policy: try policy())
        for number in 1...20 {
            try await kept.journal.append(payload([(verb: "record", user: "a", tokens: 1 << number)]))
        }
        for record in try await kept.journal.all().prefix(8) { #expect(try await harness.replay(record) == .applied) }
        try await kept.reopen()
        let before = try await callsOnceWarm(harness)
        try await drain(kept.journal, harness)
        #expect(try tokens(of: "a", in: harness.redis) == 1 << 21 - 2)
        #expect(try calls(of: harness.redis) - before == 8 + 1 + 1)
        try await harness.stop()
    }

    @Test("only the operations of a group that cannot be applied are rejected")
    func part() async throws {
        let kept = try JournalHarness()
        let harness = try await LedgerHarness(policy: try policy())
        try harness.redis.cli("SET", "tollgate:user:bad", "x")
        for user in ["a", "bad", "b", "bad", "c"] {
            try await kept.journal.append(payload([(verb: "record", user: user, tokens: 5)]))
        }
        try await drain(kept.journal, harness)
        #expect(kept.journal.depth == Journal.Depth(rejected: 1))
        for user in ["a", "b", "c"] { #expect(try tokens(of: user, in: harness.redis) == 5) }
        let rejected = try await kept.otherConnection().read {
            try String.fetchOne($0, sql: "SELECT operations || CAST(payload AS TEXT) FROM rejected")
        }
        #expect(rejected == "2" + payload([("record", "bad", 5), ("record", "bad", 5)]))
        try await harness.stop()
    }

    /// Replays ten records of which Redis refuses the seventh, whatever it comes with. Returns what was applied.
    private func replayPoison(_ kept: JournalHarness, unansweredAtFirst: Bool = false) async throws -> [Int64] {
        for number in 1...10 {
            try await kept.journal.append(payload([(verb: "record", user: "a", tokens: number)]))
        }
        let applied = Mutex<[Int64]>([])
        let failures = Atomic<Int>(0)
        try await run(kept.journal, until: { kept.journal.isEmpty }) { record in
            let tokens = (record.entries ?? []).compactMap { $0.amounts["tokens"] }
            guard !tokens.contains(7) else {
                let count = failures.add(1, ordering: .relaxed).newValue
                return unansweredAtFirst && count == 1 ? .unanswered : .failing("ERR no such thing", others: count)
            }
            applied.withLock { $0 += tokens }
            return .applied
        }
        #expect(!kept.journal.hasBacklog)
        return applied.withLock { $0 }
    }

    @Test("a group that Redis refuses repeatedly is separated, and only the faulty record is rejected")
    func poison() async throws {
        let kept = try JournalHarness()
        #expect(try await replayPoison(kept) == [1, 2, 3, 4, 5, 6, 8, 9, 10])
        #expect(kept.journal.depth.rejected == 1)
        #expect(try await kept.otherConnection().read { try JournalTable.groups(in: $0) } == [])
    }

    @Test("a group that may have been applied is not separated, as it could count twice")
    func poisonPerhapsApplied() async throws {
        let kept = try JournalHarness()
        #expect(try await replayPoison(kept, unansweredAtFirst: true) == [])
        let rejected = try await kept.otherConnection().read {
            try Int.fetchAll($0, sql: "SELECT operations FROM rejected")
        }
        #expect(rejected == [10])
    }

    @Test("a group is stored before it is sent, and removed with its records")
    func onDisk() async throws {
        let kept = try JournalHarness()
        let other = try kept.otherConnection()
        for number in 1...700 {
            kept.journal.append(
                payload([(verb: "record", user: "a", tokens: number)]), operations: 1, identity: nil
            ) { _ in }
        }
        try await kept.journal.append(payload([(verb: "record", user: "a", tokens: 701)]))
        let sent = Mutex<[ClosedRange<Int64>]>([])
        try await run(kept.journal, until: { kept.journal.isEmpty }) { record in
            let groups = (try? await other.read { try JournalTable.groups(in: $0) }) ?? []
            #expect(groups.contains(record.first...record.number))
            sent.withLock { $0.append(record.first...record.number) }
            return .applied
        }
        #expect(sent.withLock { $0 } == [1...512, 513...701])
        #expect(try await other.read { try JournalTable.groups(in: $0) } == [])
    }

    @Test("if the disk takes no groups, records are sent one by one")
    func noRoom() async throws {
        let kept = try JournalHarness()
        let harness = try await LedgerHarness(policy: try policy())
        try await Self.refuseGroups(true, in: kept.path)
        for number in 1...30 {
            try await kept.journal.append(payload([(verb: "record", user: "a", tokens: number)]))
        }
        let before = try await callsOnceWarm(harness)
        try await drain(kept.journal, harness)
        #expect(try calls(of: harness.redis) - before == 30)
        #expect(try tokens(of: "a", in: harness.redis) == 465)
        try await harness.stop()
    }

    private static func refuseGroups(_ isRefused: Bool, in path: String) async throws {
        let connection = try DatabaseQueue(path: path)
        try await connection.write { database in
            try database.execute(sql: "DROP TRIGGER IF EXISTS no_room")
            guard isRefused else { return }
            try database.execute(
                sql: "CREATE TRIGGER no_room BEFORE INSERT ON groups BEGIN SELECT raise(ABORT, 'no room'); END")
        }
        try connection.close()
    }

    /// Appends random records, and adds them to the sums: usual ones, some that were sent under another identity and
    /// applied or not, an unreadable one, and a REFUND of more than was recorded before it.
    private func appendRecords(
        to journal: Journal, _ harness: LedgerHarness, random: inout SeededGenerator, sums: inout [String: Int]
    ) async throws {
        let count = Int.random(in: 20...60, using: &random)
        let largest = [1, 5, 150].randomElement(using: &random)!
        let positions = (0..<3).map { _ in Int.random(in: 0..<count, using: &random) }.sorted()
        let order = [("record", 10), ("refund", 1_000), ("record", 3)]
        var payloads: [(payload: String, operations: Int, isSent: Bool)] = []
        for position in 0..<count {
            let operations = (0..<Int.random(in: 1...largest, using: &random)).map { _ in
                (
                    verb: "record", user: "u\(Int.random(in: 0..<5, using: &random))",
                    tokens: Int.random(in: 1...99_999, using: &random)
                )
            }
            for operation in operations { sums[operation.user, default: 0] += operation.tokens }
            let isSent = Int.random(in: 0..<15, using: &random) == 0
            payloads.append((payload(operations), operations.count, isSent))
            for (step, _) in order.enumerated().filter({ positions[$0.offset] == position }) {
                payloads.append((payload([(verb: order[step].0, user: "order", tokens: order[step].1)]), 1, false))
            }
        }
        sums["order"] = 3
        payloads.insert(("of a later version", 1, false), at: Int.random(in: 0..<payloads.count, using: &random))
        for (payload, operations, isSent) in payloads {
            let identity = BatchIdentity(producer: "live-\(random.next())", sequence: 1)
            try await journal.append(payload, operations: operations, identity: isSent ? identity : nil)
            guard isSent, Bool.random(using: &random) else { continue }
            let record = Journal.Record(
                number: 1, identity: identity, operations: operations, payload: payload, acceptedAt: 0)
            #expect(try await harness.replay(record) == .applied)
        }
    }

    @Test("a call in flight when the sidecar is killed, which arrives after the next sidecar's first call, counts once")
    func lateCall() async throws {
        let kept = try JournalHarness()
        let harness = try await LedgerHarness(policy: try policy())
        for number in 1...30 {
            try await kept.journal.append(payload([(verb: "record", user: "a", tokens: 1 << number)]))
        }
        let late = Mutex<Journal.Record?>(nil)
        try await run(kept.journal, until: { late.withLock { $0 != nil } }) { record in
            late.withLock { $0 = record }
            return .unanswered
        }
        try await kept.reopen()
        let sent = Atomic<Int>(0)
        try await run(kept.journal, until: { kept.journal.isEmpty }, asking: harness) { record in
            if sent.add(1, ordering: .relaxed).oldValue == 1, let late = late.withLock({ $0 }) {
                _ = try? await harness.replay(late)
            }
            return (try? await harness.replay(record)) ?? .notNow
        }
        if let late = late.withLock({ $0 }) { #expect(try await harness.replay(late) == .applied) }
        #expect(try tokens(of: "a", in: harness.redis) == 1 << 31 - 2)
        try await harness.stop()
    }

    @Test(
        "with kills at any call, lost replies and late calls, every record is applied once and in order",
        arguments: 1...20)
    func exactlyOnce(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        let harness = try await LedgerHarness(policy: try policy())
        var random = SeededGenerator(seed: seed)
        var sums: [String: Int] = [:]
        var path = folder.path + "/journal"
        var late: [Journal.Record] = []
        var isDrained = false
        for number in 0..<200 where !isDrained {
            let life = try ReplayLife(
                path: path, harness: harness, seed: random.next(), late: late, killable: number < 12)
            if number == 0 || number == 4 {
                try await appendRecords(to: life.journal, harness, random: &random, sums: &sums)
            }
            try await Self.refuseGroups(Int.random(in: 0..<3, using: &random) == 0, in: path)
            isDrained = try await life.run() == .drained
            late = await life.late
            path = life.copyPath
        }
        #expect(isDrained)
        for record in late { _ = try await harness.replay(record) }
        for (user, sum) in sums { #expect(try tokens(of: user, in: harness.redis) == sum, "seed \(seed), \(user)") }
        try await harness.stop()
    }
}
