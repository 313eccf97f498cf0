import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Users with two full days of history, the second still in their hashes, and a batch in which all of them begin a new day.
/// A model covers the first few; the others are copies of them.
struct FullDays {
    private static let modelled = 8
    private static let day: Int64 = 86_400_000

    private let harness: LedgerHarness
    private var model: ReferenceLedger
    private let users: [String]
    private let batch: [TestOperation]
    /// The suffixes of a user's keys before the third day, besides its hash.
    private let suffixes: [String]
    private let calendar: CalendarRules

    /// - Parameter end: The end of the second day, Unix ms.
    init(
        scopes: Int, labels: Int, endingAt end: Int64, redis: TestRedis? = nil, calendar: CalendarRules = .utc
    ) async throws {
        var policy = Policy()
        policy.calendar = calendar
        policy.history = ["user"]
        policy.defaults[try ScopeKind(parsing: "user")] = [
            Limit(.requests, .sliding(seconds: 60), max: 1_000), Limit(.requests, .sliding(seconds: 3_600), max: 9_000),
            Limit(.cost, .day, max: 1_000_000),
        ]
        self.calendar = calendar
        harness = try await LedgerHarness(policy: policy, redis: redis ?? TestRedis(hasFunctions: true))
        model = ReferenceLedger(policy: policy)
        users = (0..<scopes).map { "user:u\($0)" }
        let days = [end - 2 * Self.day, end - Self.day].map { calendar.window(.day, containing: $0) }
        suffixes = ["", ":day:\(days[0].id)", ":month:\(calendar.window(.month, containing: days[0].startsAt).id)"]
        batch = try users.enumerated().map { index, user in
            let amounts = Amounts(requests: 1, inputTokens: 2, outputTokens: 3, cost: Int64(index % Self.modelled))
            let tool = "tool:t\(index % Self.modelled)"
            return try index % 8 < 7 ? .check(user, tool) : .record(user, tool, amounts: amounts)
        }
        for (index, day) in days.enumerated() { try await fill(day, index, labels: labels) }
        try keep()
    }

    func stop() async throws { try await harness.stop() }

    private mutating func fill(_ day: CalendarWindow, _ index: Int, labels: Int) async throws {
        for (number, user) in users.prefix(Self.modelled).enumerated() {
            let records = try (0..<labels).map { label in
                let amounts = Amounts(
                    requests: 1, inputTokens: Int64(label + 1), outputTokens: 2, cost: Int64(100 * number + index + 1))
                return try TestOperation.record(user, "tool:t\(label)", amounts: amounts)
            }
            let noon = day.startsAt + Self.day / 2
            for (record, answer) in zip(records, try await harness.apply(records, at: noon)) {
                try #require(answer == model.apply(record, at: noon))
            }
        }
    }

    // MARK: - Copies

    /// Saves the modelled users' keys for ``restore()``.
    private func keep() throws {
        try run("for i = 0, \(Self.modelled - 1) do copy('tollgate:user:u' .. i, 'kept:user:u' .. i) end")
    }

    /// Restores the two days of every user, without the third.
    func restore() throws {
        try run(
            """
            for _, key in ipairs(redis.call('KEYS', 'tollgate:user:*')) do redis.call('DEL', key) end
            for i = 0, \(users.count - 1) do
                copy('kept:user:u' .. i % \(Self.modelled), 'tollgate:user:u' .. i)
            end
            """)
    }

    private func run(_ body: String) throws {
        let script = """
            local function copy(from, to)
                for _, suffix in ipairs(ARGV) do redis.call('COPY', from .. suffix, to .. suffix) end
            end
            \(body)
            return 'done'
            """
        let reply = try harness.redis.cli(["EVAL", script, "0"] + suffixes)
        guard reply == "done" else { throw TestFailure(reply) }
    }

    // MARK: - The third day

    /// Sends the batch at a time, or at Redis's own time while the ledger assumes another.
    ///
    /// - Returns: The durations of the calls that took Redis longer than half a millisecond, in order, µs.
    func beginDay(at now: Int64? = nil, sentAt guess: Int64? = nil) async throws -> [Int] {
        try harness.redis.cli("CONFIG", "SET", "slowlog-log-slower-than", "500")
        try harness.redis.cli("CONFIG", "SET", "slowlog-max-len", "10000")
        try harness.redis.cli("SLOWLOG", "RESET")
        try harness.redis.cli("CONFIG", "RESETSTAT")
        if let guess { try await harness.guessClock(at: guess) }
        let answers = try await harness.apply(batch, at: now)
        #expect(answers.allSatisfy { $0 == "OK" || $0.hasPrefix("ALLOW") })
        let script = """
            local times = {}
            for _, entry in ipairs(redis.call('SLOWLOG', 'GET', -1)) do
                if entry[4][1] == 'FCALL' then table.insert(times, 1, entry[3]) end
            end
            return times
            """
        return try harness.redis.cli("EVAL", script, "0").split(separator: "\n").compactMap { Int($0) }
    }

    /// Applies the batch to the model.
    mutating func expectBegun(at now: Int64) {
        for operation in batch.prefix(Self.modelled) { _ = model.apply(operation, at: now) }
    }

    /// Compares the days and months of all users with the model.
    func compare() throws {
        let stored = try StoredHistory(harness.redis)
        var wrong: [String] = []
        for (index, user) in users.enumerated() {
            let name = "user:u\(index % Self.modelled)"
            let days = model.history.days[name, default: [:]]
            #expect(days.count == 3)
            wrong += days.filter { stored.day($0, of: user) != $1.fields }.map { "\(user) \($0.key)" }
            wrong += model.history.months(of: name, \.fields).filter { stored.month($0, of: user) != $1 }.map {
                "\(user) \($0.key)"
            }
        }
        #expect(wrong.isEmpty)
    }
}
