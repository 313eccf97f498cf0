import NIOCore
import TollgateCore
package import TollgateLedger
import TollgateRedis

/// Reads the usage of many scopes, and their amounts in a day or month.
///
/// It is not on the decision path: it has a link that no decision waits for. It can be used from any task.
package final class UsageReader: Sendable {
    /// The limits whose usage is read.
    package enum Limits: Sendable {
        case all
        /// At least those over calendar periods and over all time, which are cheaper to read.
        case calendar
    }

    /// A day or month of history.
    package struct HistoryPeriod: Sendable {
        package enum Unit: Sendable {
            case day, month
        }

        package var unit: Unit
        package var meters: [HistoryMeter]
        /// The id of the day or month of each scope, in the scope's own calendar.
        package var ids: [String]

        package init(_ unit: Unit, _ meters: [HistoryMeter] = HistoryMeter.allCases, ids: [String]) {
            self.unit = unit
            self.meters = meters
            self.ids = ids
        }
    }

    package enum Outcome: Sendable {
        /// The usage of the scopes, in their order, with their amounts if a period was given.
        case usage([(usage: ScopeUsage, amounts: HistoryAmounts?)])
        /// The plans are not valid at Redis's time, which is `now`.
        case otherTime(now: Int64)
    }

    /// The maximum number of scopes in a call of the function, for which Redis serves no other client.
    private static let portion = 10

    private let link: StoreLink
    private let keys: KeySpace

    package init(link: StoreLink, keySpace: KeySpace) {
        self.link = link
        keys = keySpace
    }

    /// Reads the usage of scopes.
    ///
    /// - Parameters:
    ///   - period: The day or month whose amounts are read; nil for none.
    ///   - fixedClock: The time that Redis's functions use as the current time, Unix ms; nil for Redis's clock.
    /// - Throws: `StoreError`; `LedgerFailure` if the function fails.
    package func read(
        _ plans: [UsagePlan], _ limits: Limits, in period: HistoryPeriod?, fixedClock: Int64? = nil
    ) async throws -> Outcome {
        let fields: FieldReads
        switch try await self.fields(of: plans, limits, in: period, fixedClock) {
        case .read(let reads): fields = reads
        case .otherTime(let now): return .otherTime(now: now)
        }
        var usages = fields.usages
        let missing = usages.indices.filter { usages[$0] == nil }
        let portions = portions(missing, of: plans)
        let calls = portions.map { UsageCall($0.map { plans[$0] }, keySpace: keys, fixedClock: fixedClock) }
        let replies = try await link.call(UsageCall.function, calls.map(\.arguments))
        for (indices, (call, reply)) in zip(portions, zip(calls, replies)) {
            switch call.outcome(reply) {
            case .usage(let items): for (index, usage) in zip(indices, items) { usages[index] = usage }
            case .otherTime(let now): return .otherTime(now: now)
            case .failed(let failure): throw failure
            }
        }
        return .usage(zip(usages, fields.amounts).compactMap { usage, amounts in usage.map { ($0, amounts) } })
    }

    /// Splits the indices of plans into those that one call of the function can read: of one partition, and not too many.
    private func portions(_ indices: [Int], of plans: [UsagePlan]) -> [[Int]] {
        Dictionary(grouping: indices) { plans[$0].partition }.values.flatMap { indices in
            stride(from: 0, to: indices.count, by: Self.portion).map { start in
                Array(indices[start..<min(start + Self.portion, indices.count)])
            }
        }
    }

    // MARK: - Fields

    /// What plain fields tell of each scope.
    private struct FieldReads {
        var amounts: [HistoryAmounts?] = []
        /// The usage of the calendar limits; nil where the function is needed for it.
        var usages: [ScopeUsage?] = []
    }

    private enum FieldOutcome {
        case read(FieldReads)
        case otherTime(now: Int64)
    }

    /// Reads what plain fields tell, in one pipeline.
    private func fields(
        of plans: [UsagePlan], _ limits: Limits, in period: HistoryPeriod?, _ fixedClock: Int64?
    ) async throws(StoreError) -> FieldOutcome {
        let reads = plans.indices.map { index in
            ScopeRead(
                hash: keys.hash(of: plans[index].scope), usage: limits == .calendar ? CalendarUsage(plans[index]) : nil,
                record: period.map { record($0, at: index, of: plans[index].scope) }, meters: period?.meters ?? [])
        }
        while true {
            var replies = try await link.send([["TIME"]] + reads.flatMap(\.commands))[...]
            let time = try replies.removeFirst().time()
            let now = fixedClock ?? time
            // The ids of the days and months are those of the plans' time.
            guard plans.allSatisfy({ abs($0.now - now) <= Self.maxClockError }),
                reads.allSatisfy({ $0.usage?.isValid(at: now) ?? true })
            else { return .otherTime(now: now) }
            var found = FieldReads()
            var hasMoved = false
            for (index, read) in reads.enumerated() {
                let count = read.commands.count
                let result = try read.result(Array(replies.prefix(count)), in: period, at: index, now)
                replies = replies.dropFirst(count)
                hasMoved = hasMoved || result.hasMoved
                found.amounts.append(result.amounts)
                found.usages.append(result.usage)
            }
            // A day that has moved to its record between two commands would count twice.
            if !hasMoved { return .read(found) }
        }
    }

    /// The maximum difference between Redis's clock and its estimate in plans, ms.
    private static let maxClockError: Int64 = 1_000

    private func record(_ period: HistoryPeriod, at index: Int, of scope: Scope) -> String {
        switch period.unit {
        case .day: keys.day(period.ids[index], of: scope)
        case .month: keys.month(period.ids[index], of: scope)
        }
    }
}

/// The commands that read one scope, and the decoding of their replies.
private struct ScopeRead {
    let hash: String
    /// The calendar limits; nil if their usage is not read here.
    let usage: CalendarUsage?
    /// The key of the day or month; nil for none.
    let record: String?
    let meters: [HistoryMeter]
    /// Empty if there is nothing to read.
    let commands: [[String]]

    init(hash: String, usage: CalendarUsage?, record: String?, meters: [HistoryMeter]) {
        self.hash = hash
        self.usage = usage
        self.record = record
        self.meters = meters
        let history = record == nil ? [] : RunningDay.fields(of: meters)
        let fields = history + (usage?.fields ?? [])
        var commands = fields.isEmpty ? [] : [["HMGET", hash] + fields]
        if let record {
            commands += [StoredRecord.command(for: record, .amounts(meters)), ["HGET", hash, RunningDay.field]]
        }
        self.commands = commands
    }

    func result(
        _ replies: [RedisReply], in period: UsageReader.HistoryPeriod?, at index: Int, _ now: Int64
    ) throws(StoreError) -> (amounts: HistoryAmounts?, usage: ScopeUsage?, hasMoved: Bool) {
        guard let first = replies.first else { return (nil, nil, false) }
        guard case .array(let values) = try first.checked(of: hash) else { throw .unexpectedReply(about: hash) }
        guard let record, let period else { return (nil, usage?.usage(values, at: now), false) }
        let usage = usage?.usage(values.dropFirst(1 + meters.count), at: now)
        let stored = try StoredRecord(replies[1], of: record, .amounts(meters)).record.total
        let running = try RunningDay(.array(Array(values.prefix(1 + meters.count))), of: hash, .amounts(meters))
        guard let running, (period.unit == .day ? running.id : running.month) == period.ids[index] else {
            return (stored, usage, false)
        }
        let name = try StoredField(replies[2], key: hash, name: RunningDay.field).map { String(buffer: $0.value) }
        return (stored + running.record.total, usage, !running.isNamed(by: name))
    }
}
