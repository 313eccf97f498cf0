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
    package var scope: Scope
    /// As they stand in the scope's hash, in the order in which they happened.
    package var lines: [String]

    /// `text`: lines with a semicolon between them.
    package init(scope: Scope, text: String) {
        self.scope = scope
        lines = text.split(separator: ";").map(String.init)
    }

    /// What a line says; nil where it cannot be read.
    package func change(of line: String) -> AlertChange? {
        let words = line.dropFirst().split(separator: " ")
        guard let name = words.first, let (meter, period) = Limit.parse(name: name) else { return nil }
        switch line.first {
        case "+":
            guard let opening = Opening(words.dropFirst()) else { return nil }
            return .opened(opening.alert(scope, meter, period))
        case "-":
            guard words.count == 5, let percent = Int(words[1]), let openedAt = Self.time(words[2]),
                let reason = Alert.Reason(rawValue: String(words[3])), let at = Self.time(words[4])
            else { return nil }
            let id = Alert.id(scope: scope, limit: String(name), threshold: percent, openedAt: openedAt)
            return .resolved(id: id, at: at, reason: reason)
        default: return nil
        }
    }

    /// Unix ms before the year 10000: what is later was not written by the script.
    fileprivate static func time(_ text: Substring) -> Int64? {
        Int64(text).flatMap { (0..<253_402_300_800_000).contains($0) ? $0 : nil }
    }
}

/// The line of an alert that was opened, behind the limit's name.
private struct Opening {
    var periodID: String?
    var periodEnd: Int64?
    var percent: Int
    var max: Int64
    var used: Int64
    var at: Int64
    var mode: Limit.Mode
    var source: String

    init?(_ words: ArraySlice<Substring>) {
        let words = Array(words)
        guard words.count == 7, let percent = Int(words[1]), (1...1_000).contains(percent), let max = Int64(words[2]),
            let used = Int64(words[3]), max > 0, used >= 0, let at = PendingAlerts.time(words[4])
        else { return nil }
        (self.percent, self.max, self.used, self.at) = (percent, max, used, at)
        mode = words[5] == "1" ? .shadow : .enforce
        source = String(words[6])
        let calendar = words[0].split(separator: "/")
        guard calendar.count == 2 else { return }
        guard let end = PendingAlerts.time(calendar[1]) else { return nil }
        periodID = String(calendar[0])
        periodEnd = end
    }

    func alert(_ scope: Scope, _ meter: Meter, _ period: Period) -> Alert {
        var end = periodEnd
        if case .sliding(let seconds) = period { end = at + seconds * 1_000 }
        return Alert(
            scope: scope, meter: meter, period: period, threshold: percent, max: max, used: used, mode: mode,
            source: source, periodID: periodID, endsAt: end, openedAt: at)
    }
}
