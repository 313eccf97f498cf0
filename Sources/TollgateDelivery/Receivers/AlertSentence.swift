import Foundation
import TollgateCore
import TollgateLedger
import TollgateStores

/// A human-readable sentence that describes an event.
struct AlertSentence {
    private let entry: AlertEntry
    private let currency: String
    private let isTest: Bool

    init(_ entry: AlertEntry, currency: String, isTest: Bool = false) {
        self.entry = entry
        self.currency = currency
        self.isTest = isTest
    }

    private var alert: Alert { entry.alert }

    /// The whole sentence: `user:alice has used 101.2 % of cost/day (20.24 of 20 USD), resets 2026-11-21 05:00 UTC`.
    var text: String {
        switch entry.event {
        case .opened where !alert.isOfLimit: used + sides
        case .acknowledged where !alert.isOfLimit: "\(used)\(sides); acknowledged by \(name(alert.acknowledged))"
        case .resolved where !alert.isOfLimit: "\(used)\(sides); resolved \(reason)"
        case .opened: "\(used)\(amounts)\(ending)\(shadow)"
        case .acknowledged: "\(used)\(amounts)\(ending)\(shadow); acknowledged by \(name(alert.acknowledged))"
        case .resolved: "\(used)\(amounts); resolved \(reason)"
        }
    }

    /// The start of the sentence: `user:alice has used 101.2 % of cost/day`.
    var used: String {
        switch alert.kind {
        case .unknownModel: return "\(start)the price of \(scope) is not known, so its cost is not counted"
        case .drift: return "\(start)our \(alert.meter.name) of \(scope) on \(day) \(drift)"
        case .approachingLimit, .quotaExceeded:
            let share = alert.percent.map { "\(Self.number($0)) %" } ?? "more than 0 %"
            return "\(start)\(scope) has used \(share) of \(alert.limitName)"
        }
    }

    private var day: String { alert.periodID ?? "an unknown day" }

    /// The end of the sentence about a drift: `is 12.3 % less than its provider reports`.
    private var drift: String {
        let verb = alert.meter == .cost ? "is" : "are"
        guard let text = alert.drift?.percentText else { return "\(verb) not 0, unlike its provider's" }
        let isLess = text.hasPrefix("-")
        let word = isLess ? (alert.meter == .cost ? "less" : "fewer") : "more"
        return "\(verb) \(isLess ? String(text.dropFirst()) : text) % \(word) than its provider reports"
    }

    /// Both sides of a drift in parentheses, such as ` (877, not 1000)`; empty for other alerts.
    private var sides: String {
        guard alert.kind == .drift else { return "" }
        return " (\(alert.usedText), not \(alert.maxText)\(alert.meter == .cost ? " \(currency)" : ""))"
    }

    private var start: String { isTest ? "Test message, no alert is open: " : "" }

    private var scope: String { PlainText.shortened(alert.scope.description, to: 200) }

    /// The used amount and the maximum in parentheses, such as ` (20.24 of 20 USD)`.
    private var amounts: String {
        let unit = alert.meter == .cost ? " \(currency)" : ""
        return " (\(alert.usedText) of \(alert.maxText)\(unit))"
    }

    private var ending: String {
        alert.endsAt.map { ", \(alert.periodID == nil ? "until" : "resets") \(Self.minute($0)) UTC" } ?? ""
    }

    private var shadow: String { alert.mode == .shadow ? " (a shadow limit: nothing is denied)" : "" }

    private var reason: String {
        switch alert.reason {
        case .byHand: "by \(name(alert.resolved))"
        case .periodEnded where alert.kind == .drift: "\(Alert.driftDays) days after that day"
        case .periodEnded where !alert.isOfLimit: "at the end of the day"
        case .periodEnded: "because its period has ended"
        case .limitRaised where alert.kind == .drift: "because the threshold is higher now"
        case .limitRaised: "because the limit is higher now"
        case .reset: "because the counter was reset"
        case .refunded: "because usage was refunded"
        case .corrected where alert.kind == .drift: "because both sides agree again"
        case .corrected: "because the provider corrected its figures"
        case nil: "for an unknown reason"
        }
    }

    private func name(_ mark: Alert.Mark?) -> String {
        PlainText.shortened(mark.map(\.by) ?? "an unknown user", to: 100)
    }

    private static func number(_ percent: Double) -> String {
        percent == percent.rounded() && percent < 1e15 ? String(Int64(percent)) : String(percent)
    }

    /// Returns the text of a time to the minute, such as `2026-11-21 05:00`.
    private static func minute(_ milliseconds: Int64) -> String {
        let text = UTCTime.wholeSeconds(milliseconds: milliseconds)
        return "\(text.prefix(10)) \(text.dropFirst(11).prefix(5))"
    }
}
