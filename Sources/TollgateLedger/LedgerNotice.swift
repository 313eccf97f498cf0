package import TollgateCore

/// What a batch's reply tells besides answers, to be published off the way of requests (alerts.lua).
package enum LedgerNotice: Sendable {
    /// A refusal that is to be told.
    case denied(DenialEvent)
    /// What has happened to a scope's alerts and has not been published yet.
    case pending(PendingAlerts)
}

/// Changes of the alerts of one scope, as its hash keeps them until they have been published.
package struct PendingAlerts: Sendable {
    package struct Change: Sendable {
        /// As it stands in the scope's hash.
        package var line: String
        /// Nil where the line cannot be read.
        package var change: AlertChange?
    }

    package var scope: Scope
    /// In the order in which they happened.
    package var changes: [Change]
}

extension PendingAlerts {
    /// `limits` say what the lines do not: where a limit comes from, and whether it is in shadow.
    init(scope: Scope, text: String, limits: [EffectiveLimit]) {
        self.scope = scope
        changes = text.split(separator: ";").map { line in
            Change(line: String(line), change: AlertChange(line: line, scope: scope, limits: limits))
        }
    }
}

extension AlertChange {
    /// Nil where the line is none.
    fileprivate init?(line: Substring, scope: Scope, limits: [EffectiveLimit]) {
        let words = line.dropFirst().split(separator: " ")
        guard let name = words.first, let (meter, period) = Limit.parts(ofName: name) else { return nil }
        switch line.first {
        case "+":
            guard words.count == 6, let percent = Int(words[2]), let max = Int64(words[3]), let used = Int64(words[4]),
                let at = Int64(words[5])
            else { return nil }
            let limit = limits.first { $0.limit.meter == meter && $0.limit.period == period }
            let calendar = words[1].split(separator: "/")
            var ends = calendar.count == 2 ? Int64(calendar[1]) : nil
            if case .sliding(let seconds) = period { ends = at + seconds * 1_000 }
            self = .opened(
                Alert(
                    scope: scope, meter: meter, period: period, threshold: percent, max: max, used: used,
                    mode: limit?.limit.mode ?? .enforce, source: limit?.source.word ?? "unknown",
                    periodID: calendar.count == 2 ? String(calendar[0]) : nil, endsAt: ends, openedAt: at))
        case "-":
            guard words.count == 5, let percent = Int(words[1]), let openedAt = Int64(words[2]),
                let reason = Alert.Reason(rawValue: String(words[3])), let at = Int64(words[4])
            else { return nil }
            let id = Alert.id(scope: scope, limit: String(name), threshold: percent, openedAt: openedAt)
            self = .resolved(id: id, at: at, reason: reason)
        default: return nil
        }
    }
}
