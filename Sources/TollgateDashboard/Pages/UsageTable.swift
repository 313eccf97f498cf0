import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// A row of the usage page: a scope with its usage, and the limit that the page shows.
struct UsageRow: Hashable, Sendable {
    var scope: Scope
    /// The usage of the day or month. Nil if the kind has no history.
    var amounts: HistoryAmounts?
    /// The limit. Nil if none of the chosen meter applies to a calendar period or to all time.
    var item: ScopeUsage.Item?
    /// The calendar of the scope.
    var calendar: CalendarRules

    var share: UsageShare {
        UsageShare(used: item?.used ?? 0, limit: item?.limit.limit.max)
    }

    /// Whether the limit is that of an override.
    var isOverridden: Bool { item?.limit.source == .override }

    /// Returns the limit of a meter that is nearest to its maximum, among those over a day, week, month or all time.
    static func limit(
        of meter: UsageQuery.MeterChoice, over period: Period?, in usage: ScopeUsage
    ) -> ScopeUsage.Item? {
        let items = usage.items.filter { item in
            let limit = item.limit.limit
            guard limit.max != nil, limit.period.calendarUnit != nil || limit.period == .total else { return false }
            return (meter == .nearest || meter == .meter(limit.meter)) && (period == nil || period == limit.period)
        }
        return items.max { lhs, rhs in
            UsageShare.precedes(
                UsageShare(used: rhs.used, limit: rhs.limit.limit.max),
                UsageShare(used: lhs.used, limit: lhs.limit.limit.max), in: .descending)
        }
    }

    /// Returns whether a row comes before another in a table sorted by a column.
    static func precedes(_ lhs: UsageRow, _ rhs: UsageRow, by column: UsageQuery.Column, isAscending: Bool) -> Bool {
        func inOrder(_ lhs: Int64, _ rhs: Int64) -> Bool { isAscending ? lhs < rhs : lhs > rhs }
        func amount(_ row: UsageRow, _ meter: HistoryMeter) -> Int64 { row.amounts?[meter] ?? 0 }
        let meter: HistoryMeter
        switch column {
        case .scope:
            let (left, right) = (lhs.scope.description.utf8, rhs.scope.description.utf8)
            return isAscending ? left.lexicographicallyPrecedes(right) : right.lexicographicallyPrecedes(left)
        case .usage: return UsageShare.precedes(lhs.share, rhs.share, in: isAscending ? .ascending : .descending)
        case .requests: meter = .requests
        case .input: meter = .inputTokens
        case .output: meter = .outputTokens
        case .tokens: meter = .tokens
        case .cost: meter = .cost
        }
        return inOrder(amount(lhs, meter), amount(rhs, meter))
    }
}

/// A page of the usage table, as it was read from Redis.
struct UsageTable: Sendable {
    /// The number of rows of a page.
    static let size = 100

    var rows: [UsageRow]
    /// The cursor of the next page. Nil on the last one.
    var next: String?

    /// Reads a page: the index of seen scopes, and then the usage and history of its scopes.
    static func read(_ query: UsageQuery, from sidecar: Sidecar) async throws -> UsageTable {
        let (policy, store) = (sidecar.policies.effective, sidecar.stores.policy)
        let page =
            if let prefix = query.prefix.map({ policy.folded($0, of: query.kind) }) {
                try await store.scopesSeen(kind: query.kind, prefix: prefix, after: query.cursor, atMost: size)
            } else {
                try await store.scopesSeen(kind: query.kind, after: query.cursor, atMost: size)
            }
        let span: UsageReader.HistoryPeriod.Unit = query.span == .day ? .day : .month
        let readings = try await sidecar.readings(
            of: page.items.map(\.scope), .calendar, history: policy.hasHistory(query.kind) ? span : nil,
            of: [.requests, .inputTokens, .outputTokens, .tokens, .cost])
        var rows = readings.map { reading in
            UsageRow(
                scope: reading.usage.scope, amounts: reading.amounts,
                item: UsageRow.limit(of: query.meter, over: query.period, in: reading.usage),
                calendar: reading.calendar)
        }
        if let column = query.sort {
            rows.sort { UsageRow.precedes($0, $1, by: column, isAscending: query.isAscending) }
        }
        return UsageTable(rows: rows, next: page.next)
    }
}

extension Policy {
    /// Returns the beginning of an id as requests spell it: in lower case where the policy says `fold_case`.
    fileprivate func folded(_ prefix: String, of kind: ScopeKind) -> String {
        guard let first = kind.names.first, foldedKinds.contains(first) else { return prefix }
        return String(decoding: prefix.utf8.map { ScopeID.lowercased($0) }, as: UTF8.self)
    }
}
