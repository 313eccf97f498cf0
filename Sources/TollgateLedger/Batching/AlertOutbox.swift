import Foundation
package import TollgateCore
import TollgatePolicy

/// The transactional outbox of one scope: the changes of its alerts that its hash stores until they have been published
/// (alerts/outbox.lua).
package struct AlertOutbox: Sendable {
    package var scope: Scope
    /// The changes as JSON objects, in the order in which they happened.
    package var items: [String]

    package init(scope: Scope, items: [String]) {
        self.scope = scope
        self.items = items
    }

    /// Returns the change that an item describes; nil if the item cannot be read. The unit is that of `cost`.
    package func change(of item: String, in unit: MoneyUnit) -> AlertChange? {
        let decoder = JSONDecoder()
        let json = Data(item.utf8)
        if let opening = try? decoder.decode(Opening.self, from: json) { return opening.change(of: scope, unit) }
        return (try? decoder.decode(Resolution.self, from: json))?.change(of: scope)
    }

    /// Returns the resolution of an alert that is among the changes in a field `outbox`; nil if there is none.
    package static func resolution(of alert: Alert, in field: String) -> AlertChange? {
        let items = try? JSONDecoder().decode([ResolutionItem].self, from: Data(field.utf8))
        return items?.compactMap { $0.resolution?.change(of: alert.scope) }.first { change in
            if case .resolved(let id, _, _) = change { id == alert.id } else { false }
        }
    }

    /// Returns whether a time in Unix ms is before the year 10000. The script writes no later ones.
    fileprivate static func isTime(_ time: Int64) -> Bool { (0..<253_402_300_800_000).contains(time) }
}

/// A change of a scope's alerts that the batch script has found (alerts.lua).
package enum AlertChange: Sendable, Hashable {
    /// A threshold was reached.
    case opened(Alert)
    /// The alert with this id no longer applies, since a time in Unix ms.
    case resolved(id: String, at: Int64, reason: Alert.Reason)
}

/// The outbox item of an opened alert.
private struct Opening: Decodable {
    /// The name of the limit, `cost/day`.
    var opened: String
    /// The id and end of a calendar period, `2026-11-20/1795219200000`; `-` if the limit has none.
    var period: String
    var percent: Int
    var max: String
    var used: String
    var at: Int64
    var shadow: Bool
    var source: String

    func change(of scope: Scope, _ unit: MoneyUnit) -> AlertChange? {
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
                unit: unit, mode: shadow ? .shadow : .enforce, source: source, periodID: periodID, endsAt: end,
                openedAt: at))
    }
}

/// Any outbox item, of which only a resolution is decoded.
private struct ResolutionItem: Decodable {
    var resolution: Resolution?

    init(from decoder: any Decoder) throws {
        resolution = try? Resolution(from: decoder)
    }
}

/// The outbox item of a resolved alert.
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
