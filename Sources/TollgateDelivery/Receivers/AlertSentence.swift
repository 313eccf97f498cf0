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
        case .opened where !alert.isOfLimit: used
        case .acknowledged where !alert.isOfLimit: "\(used); acknowledged by \(name(alert.acknowledged))"
        case .resolved where !alert.isOfLimit: "\(used); resolved \(reason)"
        case .opened: "\(used)\(amounts)\(ending)\(shadow)"
        case .acknowledged: "\(used)\(amounts)\(ending)\(shadow); acknowledged by \(name(alert.acknowledged))"
        case .resolved: "\(used)\(amounts); resolved \(reason)"
        }
    }

    /// The start of the sentence: `user:alice has used 101.2 % of cost/day`.
    var used: String {
        guard alert.isOfLimit else { return "\(start)the price of \(scope) is not known, so its cost is not counted" }
        let share = alert.percent.map { "\(Self.number($0)) %" } ?? "more than 0 %"
        return "\(start)\(scope) has used \(share) of \(alert.limitName)"
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
        case .periodEnded where !alert.isOfLimit: "at the end of the day"
        case .periodEnded: "because its period has ended"
        case .limitRaised: "because the limit is higher now"
        case .reset: "because the counter was reset"
        case .refunded: "because usage was refunded"
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
