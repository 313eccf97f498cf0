import TollgateCore
import Yams

extension PolicyReader {
    func currency(_ entry: Entry) -> String? {
        let expected = "three upper-case letters such as USD"
        guard let text = text(entry.value, at: entry.place, expected: expected) else { return nil }
        guard text.utf8.count == 3, text.utf8.allSatisfy({ $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") }) else {
            report(entry.place, "expected \(expected)\(found(entry.value))")
            return nil
        }
        return text
    }

    /// The three settings of the calendar, which stand at the top of the file.
    func calendar(_ entries: [Entry]) -> CalendarRules? {
        var timeZone = "UTC"
        var resetHour: Int64 = 0
        var billingDay: Int64 = 1
        for entry in entries {
            switch entry.key {
            case "timezone":
                timeZone = text(entry.value, at: entry.place, expected: "a time zone such as Europe/Berlin") ?? timeZone
            case "reset_hour": resetHour = wholeNumber(entry.value, at: entry.place, in: 0...23) ?? resetHour
            case "billing_day": billingDay = wholeNumber(entry.value, at: entry.place, in: 1...31) ?? billingDay
            default: break
            }
        }
        do throws(CalendarError) {
            return try CalendarRules(timeZone: timeZone, resetHour: Int(resetHour), billingDay: Int(billingDay))
        } catch {
            if let entry = entries.first(where: { $0.key == error.key }) { report(entry.place, error.explanation) }
            return nil
        }
    }

    func history(_ entry: Entry) -> Set<String>? {
        let expected = "a list of kinds such as [user, tool]"
        var kinds: Set<String> = []
        for item in items(of: entry.value, at: entry.place, expected: expected) {
            guard let kind = text(item.value, at: item.place, expected: "a kind such as user") else { continue }
            if let problem = problem(ofHistoryKind: kind, in: kinds) {
                report(item.place, problem)
            } else {
                kinds.insert(kind)
            }
        }
        return entry.value.sequence == nil ? nil : kinds
    }

    private func problem(ofHistoryKind kind: String, in kinds: Set<String>) -> String? {
        guard !kinds.contains(kind) else { return "\(kind) is named twice" }
        guard kind != ScopeKind.global.description else { return nil }
        guard !kind.contains("+") else { return "\(kind): history is kept for single kinds only" }
        do throws(ScopeError) {
            try ScopeKind.validate(kind)
            return nil
        } catch {
            return error.description
        }
    }

    func failureRules(_ entry: Entry) -> FailureRules {
        var rules = FailureRules()
        let entries = entries(
            of: entry.value, at: entry.place, expected: "a map such as { requests: open, cost: closed }", noun: "meter",
            allowed: Meter.allCases.map(\.name))
        for entry in entries {
            guard let meter = Meter(name: entry.key) else { continue }
            if let rule = word(entry.value, at: entry.place, as: FailureRule.self) { rules[meter] = rule }
        }
        return rules
    }
}
