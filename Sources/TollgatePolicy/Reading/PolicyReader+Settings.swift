import TollgateCore

extension PolicyReader {
    /// The value of `currency`.
    func currency(_ entry: Entry) -> String? {
        let expected = "three upper-case letters such as USD"
        guard let text = text(entry.value, at: entry.position, expected: expected) else { return nil }
        guard text.utf8.count == 3, text.utf8.allSatisfy({ $0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") }) else {
            report(entry.position, "expected \(expected)\(found(entry.value))")
            return nil
        }
        return text
    }

    /// The value of `decimals`.
    func moneyUnit(_ entry: Entry) -> MoneyUnit? {
        wholeNumber(entry.value, at: entry.position, in: 0...9).flatMap { MoneyUnit(decimals: Int($0)) }
    }

    /// The three settings of the calendar, among all entries of the file. Nil, and reported, if one is invalid.
    func calendar(_ entries: [Entry]) -> CalendarRules? {
        var timeZone = "UTC"
        var resetHour: Int64 = 0
        var billingDay: Int64 = 1
        for entry in entries {
            switch entry.key {
            case "timezone":
                timeZone =
                    text(entry.value, at: entry.position, expected: "a time zone such as Europe/Berlin") ?? timeZone
            case "reset_hour": resetHour = wholeNumber(entry.value, at: entry.position, in: 0...23) ?? resetHour
            case "billing_day": billingDay = wholeNumber(entry.value, at: entry.position, in: 1...31) ?? billingDay
            default: break
            }
        }
        do throws(CalendarError) {
            return try CalendarRules(timeZone: timeZone, resetHour: Int(resetHour), billingDay: Int(billingDay))
        } catch {
            if let entry = entries.first(where: { $0.key == error.key }) { report(entry.position, error.explanation) }
            return nil
        }
    }

    /// The value of `on_redis_failure`.
    func failureRules(_ entry: Entry) -> FailureRules {
        var rules = FailureRules()
        let entries = entries(
            of: entry.value, at: entry.position, expected: "a map such as { requests: open, cost: closed }",
            noun: "meter",
            allowed: Meter.allCases.map(\.name))
        for entry in entries {
            guard let meter = Meter(name: entry.key) else { continue }
            if let rule = word(entry.value, at: entry.position, as: FailureRule.self) { rules[meter] = rule }
        }
        return rules
    }
}
