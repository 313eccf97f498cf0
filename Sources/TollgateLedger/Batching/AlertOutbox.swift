import Foundation
package import TollgateCore
import TollgatePolicy

/// Changes of the alerts of one scope, which its hash keeps until they have been published (alerts/outbox.lua).
package struct AlertOutbox: Sendable {
    package var scope: Scope
    /// JSON objects, in the order in which the changes happened.
    package var items: [String]

    package init(scope: Scope, items: [String]) {
        self.scope = scope
        self.items = items
    }

    /// The change that an item describes; nil where the item cannot be read.
    package func change(of item: String) -> AlertChange? {
        let decoder = JSONDecoder()
        let json = Data(item.utf8)
        if let opening = try? decoder.decode(Opening.self, from: json) { return opening.change(of: scope) }
        return (try? decoder.decode(Resolution.self, from: json))?.change(of: scope)
    }

    /// Whether a time is in Unix ms before the year 10000: later ones were not written by the script.
    fileprivate static func isTime(_ time: Int64) -> Bool { (0..<253_402_300_800_000).contains(time) }
}

/// The item of an alert that was opened.
private struct Opening: Decodable {
    /// `cost/day`
    var opened: String
    /// `2026-11-20/1795219200000`: id and end of a calendar period; `-` where the limit has none.
    var period: String
    var percent: Int
    var max: String
    var used: String
    var at: Int64
    var shadow: Bool
    var source: String

    func change(of scope: Scope) -> AlertChange? {
        guard let (meter, limitPeriod) = Limit.parse(name: opened), (1...1_000).contains(percent),
            let max = Int64(max), let used = Int64(used), max > 0, used >= 0, AlertOutbox.isTime(at)
        else { return nil }
        var (periodID, end): (String?, Int64?)
        if case .sliding(let seconds) = limitPeriod { end = at + seconds * 1_000 }
        let calendar = period.split(separator: "/")
        if calendar.count == 2 {
            guard let calendarEnd = Int64(calendar[1]), AlertOutbox.isTime(calendarEnd) else { return nil }
            (periodID, end) = (String(calendar[0]), calendarEnd)
        }
        return .opened(
            Alert(
                scope: scope, meter: meter, period: limitPeriod, threshold: percent, max: max, used: used,
                mode: shadow ? .shadow : .enforce, source: source, periodID: periodID, endsAt: end, openedAt: at))
    }
}

/// The item of an alert that no longer applies.
private struct Resolution: Decodable {
    var resolved: String
    var percent: Int
    var openedAt: Int64
    var reason: String
    var at: Int64

    private enum CodingKeys: String, CodingKey {
        case resolved, percent, reason, at
        case openedAt = "opened_at"
    }

    func change(of scope: Scope) -> AlertChange? {
        guard Limit.parse(name: resolved) != nil, AlertOutbox.isTime(openedAt), AlertOutbox.isTime(at),
            let reason = Alert.Reason(rawValue: reason)
        else { return nil }
        let id = Alert.id(scope: scope, limit: resolved, threshold: percent, openedAt: openedAt)
        return .resolved(id: id, at: at, reason: reason)
    }
}
