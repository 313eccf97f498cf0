import TollgateCore
import Yams

/// A limit with the place of the file that it stands at.
struct PlacedLimit {
    var limit: Limit
    var place: PolicyReader.Place
}

extension PolicyReader {
    /// The limits of one scope or kind: `{ requests: { 1m: 60 }, cost: { day: 20 } }`.
    func limits(_ node: Node, at place: Place) -> [PlacedLimit] {
        let expected = "a map of meters such as { requests: { 1m: 60 } }"
        return entries(of: node, at: place, expected: expected, noun: "meter", allowed: Meter.allCases.map(\.name))
            .flatMap { entry in Meter(name: entry.key).map { limits(of: $0, entry) } ?? [] }
            .sorted { Limit.precedes($0.limit, $1.limit) }
    }

    private func limits(of meter: Meter, _ entry: Entry) -> [PlacedLimit] {
        guard meter != .concurrent else {
            return limit(meter, .reservation, entry).map { [PlacedLimit(limit: $0, place: entry.place)] } ?? []
        }
        var lines: [Period: (key: String, line: Int)] = [:]
        var limits: [PlacedLimit] = []
        for entry in entries(of: entry.value, at: entry.place, expected: "a map of periods such as { 1m: 60 }") {
            let period: Period
            do throws(Period.ParsingError) {
                period = try Period(parsing: entry.key)
            } catch {
                report(entry.place, error.explanation)
                continue
            }
            if let first = lines[period] {
                report(entry.place, "the same period as \(first.key) on line \(first.line)")
                continue
            }
            lines[period] = (entry.key, entry.place.line)
            if let limit = limit(meter, period, entry) { limits.append(PlacedLimit(limit: limit, place: entry.place)) }
        }
        return limits
    }

    private func limit(_ meter: Meter, _ period: Period, _ entry: Entry) -> Limit? {
        guard entry.value.mapping != nil else {
            return max(entry.value, at: entry.place, meter).map { Limit(meter, period, max: $0.amount) }
        }
        let entries = entries(
            of: entry.value, at: entry.place, expected: "a map",
            allowed: ["max", "mode"] + (meter == .concurrent ? [] : ["thresholds"]) + ["on_redis_failure"])
        guard let maxEntry = entries.first(where: { $0.key == "max" }) else {
            report(entry.place, "max is missing")
            return nil
        }
        guard let max = max(maxEntry.value, at: maxEntry.place, meter) else { return nil }
        var limit = Limit(meter, period, max: max.amount)
        for entry in entries { apply(entry, to: &limit) }
        return limit
    }

    private func apply(_ entry: Entry, to limit: inout Limit) {
        switch entry.key {
        case "mode": limit.mode = word(entry.value, at: entry.place, as: Limit.Mode.self) ?? limit.mode
        case "thresholds": limit.thresholds = thresholds(entry.value, at: entry.place)
        case "on_redis_failure":
            limit.onRedisFailure = word(entry.value, at: entry.place, as: FailureRule.self)
        default: break
        }
    }
}

// MARK: - Amounts

extension PolicyReader {
    /// A max as it was written.
    private enum Maximum {
        case unlimited
        case amount(Int64)

        var amount: Int64? {
            switch self {
            case .unlimited: nil
            case .amount(let amount): amount
            }
        }
    }

    /// Nil, and reported, where the node is not a max of the meter. An empty value is not taken for null: it is more
    /// often a number forgotten than no limit meant.
    private func max(_ node: Node, at place: Place, _ meter: Meter) -> Maximum? {
        if node.isNull { return .unlimited }
        let place = self.place(of: node, at: place)
        let expected = meter == .cost ? "expected a decimal number such as 0.25" : "expected a whole number such as 60"
        guard let text = number(node, meter), !text.hasLeadingZero else {
            report(place, "\(expected), or null for unlimited\(found(node))")
            return nil
        }
        do throws(MaximumError) {
            return .amount(meter == .cost ? try money(text) : try count(text, atMost: meter.maxLimit))
        } catch {
            report(place, error.sentence ?? "\(expected), or null for unlimited\(found(node))")
            return nil
        }
    }

    /// An amount above 0, without null. Nil, and reported, where the node is none.
    func amount(_ entry: Entry, _ meter: Meter) -> Int64? {
        guard let max = max(entry.value, at: entry.place, meter) else { return nil }
        guard let amount = max.amount, amount > 0 else {
            report(place(of: entry.value, at: entry.place), "expected an amount above 0\(found(entry.value))")
            return nil
        }
        return amount
    }

    private func number(_ node: Node, _ meter: Meter) -> String? {
        if isJSON, meter == .cost { return node.scalar?.string }
        return node.plainText
    }

    /// Nil for what is not a number at all.
    private struct MaximumError: Error {
        var sentence: String?
    }

    private func money(_ text: String) throws(MaximumError) -> Int64 {
        do throws(Money.ParsingError) {
            return try Money(parsing: text.utf8).nanos
        } catch {
            throw MaximumError(sentence: error == .notDecimal ? nil : error.explanation)
        }
    }

    private func count(_ text: String, atMost most: Int64) throws(MaximumError) -> Int64 {
        guard text.isDecimalDigits else { throw MaximumError(sentence: nil) }
        guard let number = Int64(text), number <= most else { throw MaximumError(sentence: "more than \(most)") }
        return number
    }
}
