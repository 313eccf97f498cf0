import TollgateCore

/// A limit and its position in the file.
struct LocatedLimit {
    var limit: Limit
    var position: PolicyReader.Position
}

extension PolicyReader {
    /// The limits of a scope or kind, in the order of `Limit.precedes`: `{ requests: { 1m: 60 }, cost: { day: 20 } }`.
    func limits(_ node: DocumentNode, at position: Position) -> [LocatedLimit] {
        let expected = "a map of meters such as { requests: { 1m: 60 } }"
        return entries(of: node, at: position, expected: expected, noun: "meter", allowed: Meter.allCases.map(\.name))
            .flatMap { entry in Meter(name: entry.key).map { limits(of: $0, entry) } ?? [] }
            .sorted { Limit.precedes($0.limit, $1.limit) }
    }

    private func limits(of meter: Meter, _ entry: Entry) -> [LocatedLimit] {
        guard meter != .concurrent else {
            return limit(meter, .reservation, entry).map { [LocatedLimit(limit: $0, position: entry.position)] } ?? []
        }
        var lines: [Period: (key: String, line: Int)] = [:]
        var limits: [LocatedLimit] = []
        for entry in entries(of: entry.value, at: entry.position, expected: "a map of periods such as { 1m: 60 }") {
            let period: Period
            do throws(Period.ParsingError) {
                period = try Period(parsing: entry.key)
            } catch {
                report(entry.position, error.explanation)
                continue
            }
            if let first = lines[period] {
                report(entry.position, "the same period as \(first.key) on line \(first.line)")
                continue
            }
            lines[period] = (entry.key, entry.position.line)
            if let limit = limit(meter, period, entry) {
                limits.append(LocatedLimit(limit: limit, position: entry.position))
            }
        }
        return limits
    }

    private func limit(_ meter: Meter, _ period: Period, _ entry: Entry) -> Limit? {
        guard entry.value.members != nil else {
            return max(entry.value, at: entry.position, meter)
                .map { Limit(meter, period, max: $0.amount, unit: moneyUnit) }
        }
        let entries = entries(
            of: entry.value, at: entry.position, expected: "a map",
            allowed: ["max", "mode"] + (meter == .concurrent ? [] : ["thresholds"]) + ["on_redis_failure"]
                + (Limit.hasHolds(meter, period) ? ["on_expiry"] : [])
                + (limitsAreOfAccount && Limit.hasFigures(meter, period) ? ["source"] : []))
        guard let maxEntry = entries.first(where: { $0.key == "max" }) else {
            report(entry.position, "max is missing")
            return nil
        }
        guard let max = max(maxEntry.value, at: maxEntry.position, meter) else { return nil }
        var limit = Limit(meter, period, max: max.amount, unit: moneyUnit)
        for entry in entries { apply(entry, to: &limit) }
        return limit
    }

    private func apply(_ entry: Entry, to limit: inout Limit) {
        switch entry.key {
        case "mode": limit.mode = word(entry.value, at: entry.position, as: Limit.Mode.self) ?? limit.mode
        case "thresholds": limit.thresholds = thresholds(entry.value, at: entry.position)
        case "on_redis_failure":
            limit.onRedisFailure = word(entry.value, at: entry.position, as: FailureRule.self)
        case "on_expiry": limit.onExpiry = word(entry.value, at: entry.position, as: ExpiryRule.self)
        case "source": limit.counts = word(entry.value, at: entry.position, as: CountedSide.self)
        default: break
        }
    }
}

// MARK: - Amounts

extension PolicyReader {
    /// The value of `max`.
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

    /// The `max` of a limit. Reports any other node, also an empty value: it is more often a forgotten number than
    /// `null`.
    private func max(_ node: DocumentNode, at position: Position, _ meter: Meter) -> Maximum? {
        if node.isNull { return .unlimited }
        let position = self.position(of: node, at: position)
        let expected = meter == .cost ? moneyUnit.expectation : "expected a whole number such as 60"
        guard let text = number(node, meter), !text.hasLeadingZero else {
            report(position, "\(expected), or null for unlimited\(found(node))")
            return nil
        }
        do throws(MaximumError) {
            return .amount(meter == .cost ? try money(text) : try count(text, atMost: meter.maxLimit))
        } catch {
            report(position, error.sentence ?? "\(expected), or null for unlimited\(found(node))")
            return nil
        }
    }

    /// An amount above 0. Reports any other node.
    func amount(_ entry: Entry, _ meter: Meter) -> Int64? {
        guard let max = max(entry.value, at: entry.position, meter) else { return nil }
        guard let amount = max.amount, amount > 0 else {
            report(position(of: entry.value, at: entry.position), "expected an amount above 0\(found(entry.value))")
            return nil
        }
        return amount
    }

    private func number(_ node: DocumentNode, _ meter: Meter) -> String? {
        if isJSON, meter == .cost { return node.text }
        return node.plainText
    }

    private struct MaximumError: Error {
        /// Nil for text that is not a number.
        var sentence: String?
    }

    private func money(_ text: String) throws(MaximumError) -> Int64 {
        do throws(MoneyError) {
            return try moneyUnit.amount(parsing: text.utf8)
        } catch {
            throw MaximumError(sentence: error == .notDecimal(moneyUnit) ? nil : error.explanation)
        }
    }

    private func count(_ text: String, atMost max: Int64) throws(MaximumError) -> Int64 {
        guard text.isDecimalDigits else { throw MaximumError(sentence: nil) }
        guard let number = Int64(text), number <= max else { throw MaximumError(sentence: "more than \(max)") }
        return number
    }
}
