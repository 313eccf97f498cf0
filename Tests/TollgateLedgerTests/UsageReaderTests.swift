import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite("Reading the usage of many scopes")
struct UsageReaderTests {
    private static let policy = """
        history: [user, tool]
        defaults:
          user: { requests: { 1m: 100 }, tokens: { day: 1000, total: 5000 }, cost: { month: 50 } }
          tool: { requests: { 1h: 7 } }
        """
    /// The start of the 1st of January 2100, Unix ms.
    private static let start = ScriptTests.start
    private static let day: Int64 = 86_400_000

    private struct Stand {
        let ledger: LedgerHarness
        let reader: UsageReader
        let history: HistoryStore

        func read(
            _ scopes: [Scope], _ limits: UsageReader.Limits, _ period: UsageReader.HistoryPeriod?, at now: Int64
        ) async throws -> [(usage: ScopeUsage, amounts: HistoryAmounts?)] {
            let plans = try await ledger.usagePlans(of: scopes, at: now)
            guard case .usage(let items) = try await reader.read(plans, limits, in: period, fixedClock: now) else {
                Issue.record("the plans are not valid")
                return []
            }
            return items
        }
    }

    private func withStand(
        partitions: Int? = nil, _ body: (Stand) async throws -> Void
    ) async throws {
        let keySpace = KeySpace(namespace: "tollgate", partitions: partitions)
        let ledger = try await LedgerHarness(
            policy: try Policy(yaml: Self.policy, file: "test.yaml"), keySpace: keySpace)
        try await withStoreLink(to: ledger.redis) { link in
            try await body(
                Stand(
                    ledger: ledger, reader: UsageReader(link: link, keySpace: keySpace),
                    history: HistoryStore(link: link, keySpace: keySpace)))
        }
        try await ledger.stop()
    }

    /// Returns the part of usage that is of limits over calendar periods and over all time.
    private static func calendar(_ usage: ScopeUsage) -> ScopeUsage {
        var usage = usage
        usage.items.removeAll { $0.limit.limit.period.calendarUnit == nil && $0.limit.limit.period != .total }
        return usage
    }

    private static func text(_ usage: ScopeUsage) -> String {
        let items = usage.items.map {
            "\($0.limit.limit.name) \($0.used) \($0.held) \($0.resetsAt.map(String.init) ?? "-")"
        }
        return "\(usage.scope): \(items.joined(separator: ", "))"
    }

    @Test("usage and amounts of a hundred scopes are those that are read one by one", arguments: [nil, 16])
    func many(partitions: Int?) async throws {
        try await withStand(partitions: partitions) { stand in
            var scopes: [Scope] = []
            for number in 0..<100 {
                let text = number % 4 == 3 ? "tool:t\(number)" : "user:u\(number)"
                scopes.append(try Scope(parsing: text))
                guard number % 10 != 9 else { continue }
                let amounts = Amounts(requests: Int64(number), tokens: Int64(number * 3), cost: Int64(number) << 20)
                // On the day before, too: a day of the same month that has moved to its record.
                for (time, reserves) in [(Self.start, false), (Self.start + Self.day, number % 6 == 0)] {
                    #expect(try await stand.ledger.apply(.record(text, amounts: amounts), at: time) == "OK")
                    guard reserves else { continue }
                    let answer = try await stand.ledger.apply(
                        .reserve(text, amounts: Amounts(tokens: 5), id: "r\(number)"), at: time)
                    #expect(answer.hasPrefix("ALLOW"), "\(answer)")
                }
            }
            let now = Self.start + Self.day + 1_000
            let ids = (days: "2100-01-02", months: "2100-01")
            for unit in [UsageReader.HistoryPeriod.Unit.day, .month] {
                let id = unit == .day ? ids.days : ids.months
                let period = UsageReader.HistoryPeriod(unit, ids: scopes.map { _ in id })
                let items = try await stand.read(scopes, .all, period, at: now)
                #expect(items.count == scopes.count)
                for (scope, item) in zip(scopes, items) {
                    let usage = try await stand.ledger.usage(of: scope.description, at: now)
                    #expect(Self.text(item.usage) == Self.text(usage))
                    let records =
                        try await unit == .day
                        ? stand.history.days(of: scope, ids: [id], .totals)
                        : stand.history.months(of: scope, ids: [id], .totals)
                    #expect(item.amounts == records[0].total)
                }
                let calendar = try await stand.read(scopes, .calendar, period, at: now)
                #expect(calendar.map(\.amounts) == items.map(\.amounts))
                #expect(calendar.map { Self.text($0.usage) } == items.map { Self.text(Self.calendar($0.usage)) })
                #expect(items[50].amounts?[.tokens] == (unit == .day ? 150 : 300))
            }
            let without = try await stand.read(scopes, .all, nil, at: now)
            #expect(without.allSatisfy { $0.amounts == nil } && without.map(\.usage.scope) == scopes)
        }
    }

    @Test("calendar limits and amounts are read in one pipeline, without the function")
    func pipeline() async throws {
        try await withStand { stand in
            let scopes = try (0..<100).map { try Scope(parsing: "user:u\($0)") }
            let period = UsageReader.HistoryPeriod(.month, ids: scopes.map { _ in "2100-01" })
            try stand.ledger.redis.cli("CONFIG", "RESETSTAT")
            let before = try Self.reads(stand.ledger.redis)
            _ = try await stand.read(scopes, .calendar, period, at: Self.start)
            let after = try Self.reads(stand.ledger.redis)
            let counts = try commandCounts(stand.ledger.redis)
            #expect(counts["fcall"] == nil && counts["hmget"] == 200 && counts["hget"] == 100)
            // Redis reads 16 KB at a time, and some of the reads are of the INFO itself.
            #expect(after - before <= 6)
        }
    }

    private static func reads(_ redis: TestRedis) throws -> Int {
        let line = try redis.cli("INFO", "stats").split(whereSeparator: \.isNewline)
            .first { $0.hasPrefix("total_reads_processed:") }
        return try #require(line?.split(separator: ":").last.flatMap { Int($0) })
    }

    @Test("a Redis that has lost its functions gets them again, and the results keep their order")
    func lostFunctions() async throws {
        try await withStand { stand in
            let scopes = try (0..<60).map { try Scope(parsing: "user:u\($0)") }
            for (number, scope) in scopes.enumerated() {
                let operation = try TestOperation.record(
                    scope.description, amounts: Amounts(tokens: Int64(number)))
                #expect(try await stand.ledger.apply(operation, at: Self.start) == "OK")
            }
            try stand.ledger.redis.cli("FUNCTION", "FLUSH")
            let items = try await stand.read(scopes, .all, nil, at: Self.start)
            let tokens = items.map { item in item.usage.items.first { $0.limit.limit.name == "tokens/total" }?.used }
            #expect(tokens == (0..<60).map { Int64($0) })
        }
    }

    @Test("fields tell the same as the function, whatever they contain")
    func unusualFields() async throws {
        try await withStand { stand in
            let user = try Scope(parsing: "user:a")
            let now = Self.start + 3_600_000
            let (today, later) = (Self.start + Self.day, Self.start + 2 * Self.day)
            let states: [[String: String]] = [
                [:],
                ["tokens/day": "7", "tokens/day.p": "2100-01-01 \(today)"],
                // Another calendar has started a period that ends later, or has ended.
                ["tokens/day": "7", "tokens/day.p": "2100-01-02 \(later)", "tokens/total": "9"],
                ["tokens/day": "7", "tokens/day.p": "2099-12-31 \(Self.start)"],
                ["tokens/day": "7"], ["tokens/day": "7", "tokens/day.p": "nonsense"],
                ["tokens/day": "x", "tokens/day.p": "2100-01-01 \(today)"],
                ["tokens/total": "-4"], ["tokens/total": "1.5"], ["tokens/total": "1e3"],
                ["tokens/total": "9007199254740992"], ["tokens/total": "9007199254740993"],
                ["tokens/total": "9223372036854775807"],
                ["held": "\(later) 2 3 4 5 6000000000", "tokens/total": "9"],
                // Reservations that have ended, and a text that is none.
                ["held": " \(later) 2 3 4 5 6"], ["held": "\(later) 2 3 4 5 6 "], ["held": "\(later) 2  4 5 6"],
                ["held": "\(now - 1) 2 3 4 5 6000000000"], ["held": "\(now) 2 3 4 5 6"], ["held": "nonsense"],
            ]
            for fields in states {
                try stand.ledger.redis.cli("DEL", "tollgate:user:a")
                if !fields.isEmpty {
                    try stand.ledger.redis.cli(
                        ["HSET", "tollgate:user:a"] + fields.flatMap { [$0.key, $0.value] })
                }
                let all = try await stand.read([user], .all, nil, at: now)[0].usage
                let calendar = try await stand.read([user], .calendar, nil, at: now)[0].usage
                // Where the function is asked, it tells the other limits, too.
                #expect(Self.text(Self.calendar(calendar)) == Self.text(Self.calendar(all)), "\(fields)")
            }
        }
    }

    @Test("a key of another type is an error, and an invalid time says which one is Redis's")
    func errors() async throws {
        try await withStand { stand in
            let scopes = [try Scope(parsing: "user:a"), try Scope(parsing: "user:b")]
            let period = UsageReader.HistoryPeriod(.month, ids: ["2100-01", "2100-01"])
            let plans = try await stand.ledger.usagePlans(of: scopes, at: Self.start)
            for time in [Self.start + Self.day, Self.start - 1, Self.start + 90 * Self.day] {
                for limits in [UsageReader.Limits.all, .calendar] {
                    let outcome = try await stand.reader.read(plans, limits, in: period, fixedClock: time)
                    guard case .otherTime(now: time) = outcome else {
                        Issue.record("plans of \(Self.start) are valid at \(time)")
                        continue
                    }
                }
            }
            // By Redis's own clock, with limits and history and with limits alone.
            for period in [period, nil] {
                let now = Int64(Date.now.timeIntervalSince1970 * 1_000)
                guard case .otherTime(let time) = try await stand.reader.read(plans, .calendar, in: period),
                    abs(time - now) < 60_000
                else {
                    Issue.record("plans of 2100 are valid now")
                    continue
                }
            }
            try stand.ledger.redis.cli("SET", "tollgate:user:b:month:2100-01", "x")
            await #expect(throws: StoreError.corrupt("tollgate:user:b:month:2100-01: wrong data type")) {
                try await stand.reader.read(plans, .all, in: period, fixedClock: Self.start)
            }
            try stand.ledger.redis.cli("SET", "tollgate:user:a", "x")
            await #expect(throws: StoreError.corrupt("tollgate:user:a: wrong data type")) {
                try await stand.reader.read(plans, .all, in: period, fixedClock: Self.start)
            }
        }
    }
}
