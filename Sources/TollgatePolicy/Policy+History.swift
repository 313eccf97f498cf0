package import TollgateCore

extension Policy {
    /// How long the days and months of a scope are kept; nil where they are not.
    package func historyRetention(of scope: Scope) -> HistoryRetention? {
        keepsHistory(of: scope) ? HistoryRetention(days: historyDays, months: historyMonths) : nil
    }

    /// The id of the first day or month that is still kept.
    ///
    /// - Parameters:
    ///   - unit: day or month.
    ///   - now: Unix ms.
    package func firstKept(_ unit: CalendarUnit, in calendar: CalendarRules, at now: Int64) -> String {
        let retention = HistoryRetention(days: historyDays, months: historyMonths)
        return calendar.window(unit, containing: now - (unit == .day ? retention.day : retention.month)).id
    }

    /// Whether the days and months of a scope are kept. Those of a composite scope never are.
    package func keepsHistory(of scope: Scope) -> Bool { keepsHistory(of: scope.kind) }

    /// The same for all scopes of a kind.
    package func keepsHistory(of kind: ScopeKind) -> Bool {
        !kind.isComposite && history.contains(kind.description)
    }
}
