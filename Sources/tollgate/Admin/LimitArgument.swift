import ArgumentParser
import TollgateCore
import TollgatePolicy

/// A limit on the command line: `requests/1m=60` or `cost/month=unlimited`.
struct LimitArgument: Equatable {
    var meter: Meter
    var period: Period
    /// The maximum, in nano-units for `cost`. Nil means unlimited.
    var amount: Int64?

    var name: String { Limit(meter, period, max: nil).name }

    /// Parses a limit. Throws an error that quotes the argument.
    init(parsing text: String) throws {
        guard let sign = text.firstIndex(of: "=") else { throw ScopeError("expected a limit such as requests/1m=60") }
        (meter, period) = try Self.name(String(text[..<sign]))
        let value = String(text[text.index(after: sign)...])
        amount = value == "unlimited" || value == "null" ? nil : try Self.amount(value, meter)
    }

    /// Parses the name of a limit, such as `requests/1m`. Throws an error that quotes it.
    static func name(_ text: String) throws -> (Meter, Period) {
        guard let name = Limit.parse(name: text) else {
            throw ScopeError("expected a limit such as requests/1m, cost/month, cost/request or concurrent")
        }
        return name
    }

    private static func amount(_ text: String, _ meter: Meter) throws -> Int64 {
        if meter == .cost {
            do throws(Money.ParsingError) {
                return try Money(parsing: text.utf8).nanos
            } catch {
                throw ScopeError("\(text): \(error.explanation), or unlimited")
            }
        }
        let isNumber = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
        guard isNumber, let number = Int64(text), number <= meter.maxLimit else {
            throw ScopeError("expected a whole number from 0 to \(meter.maxLimit), or unlimited, found \(text)")
        }
        return number
    }

    /// Throws an error for a duplicate limit, also in different spellings.
    static func requireDistinct(_ limits: [LimitArgument]) throws {
        var names: Set<String> = []
        for limit in limits where !names.insert(limit.name).inserted {
            throw ValidationError("\(limit.name): duplicate limit.")
        }
    }

    /// Returns the limits with changes applied. A changed limit keeps its mode and thresholds.
    static func merge(_ changes: [LimitArgument], into limits: [Limit]) -> [Limit] {
        var limits = limits
        for change in changes {
            if let index = limits.firstIndex(where: { $0.name == change.name }) {
                limits[index].max = change.amount
            } else {
                limits.append(Limit(change.meter, change.period, max: change.amount))
            }
        }
        return limits.sorted(by: Limit.precedes)
    }
}
