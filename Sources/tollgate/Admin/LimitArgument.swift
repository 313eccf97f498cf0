import ArgumentParser
import TollgateCore
import TollgatePolicy

/// A limit on the command line: `requests/1m=60` or `cost/month=unlimited`.
struct LimitArgument: Equatable {
    var meter: Meter
    var period: Period
    /// The maximum; nil means unlimited. For `cost` it is in ``unit``.
    var amount: Int64?
    /// The unit of `cost`: the one with the fewest decimals, as the command does not know the policy's.
    var unit = MoneyUnit.nano

    var name: String { Limit(meter, period, max: nil).name }

    /// Parses a limit. Throws an error that quotes the argument.
    init(parsing text: String) throws {
        guard let sign = text.firstIndex(of: "=") else { throw ScopeError("expected a limit such as requests/1m=60") }
        (meter, period) = try Self.name(String(text[..<sign]))
        let value = String(text[text.index(after: sign)...])
        guard value != "unlimited", value != "null" else { return }
        if meter == .cost {
            (amount, unit) = try Self.money(value)
        } else {
            amount = try Self.wholeNumber(value, meter)
        }
    }

    /// Parses the name of a limit, such as `requests/1m`. Throws an error that quotes it.
    static func name(_ text: String) throws -> (Meter, Period) {
        guard let name = Limit.parse(name: text) else {
            throw ScopeError(
                "\(Limit.hint(about: text))expected a limit such as requests/1m, cost/month, cost/request or concurrent"
            )
        }
        return name
    }

    private static func money(_ text: String) throws -> (amount: Int64, unit: MoneyUnit) {
        do {
            let money = try Money(parsing: text)
            guard money.nanos >= 0 else { throw ScopeError("expected 0 or more, or unlimited, found \(text)") }
            let unit = MoneyUnit.coarsest(for: money)
            guard let amount = money.amount(in: unit), amount <= Meter.cost.maxAmount else {
                throw MoneyError.tooLarge(unit)
            }
            return (amount, unit)
        } catch let error as MoneyError {
            let expected =
                switch error {
                case .notDecimal(let unit): unit.expectation
                case .tooManyFractionDigits(let unit): "expected at most \(unit.decimals) fraction digits"
                case .tooLarge(let unit): "expected at most \(unit.text(Meter.cost.maxAmount))"
                }
            throw ScopeError("\(expected), or unlimited, found \(text)")
        }
    }

    private static func wholeNumber(_ text: String, _ meter: Meter) throws -> Int64 {
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

    /// Returns the limits with changes applied. A changed limit keeps its other settings unless they are given, also those
    /// that the policy file gives the same limit.
    ///
    /// - Parameter replaced: The limits of the policy file that the changes take precedence over.
    static func merge(
        _ changes: [LimitArgument], mode: Limit.Mode? = nil, thresholds: ThresholdsArgument? = nil,
        counts: CountedSide? = nil, into limits: [Limit], over replaced: [Limit] = []
    ) -> [Limit] {
        var limits = limits
        for change in changes {
            let index = limits.firstIndex { $0.name == change.name }
            var limit =
                index.map { limits[$0] } ?? replaced.first { $0.name == change.name }
                ?? Limit(change.meter, change.period, max: nil)
            (limit.max, limit.unit) = (change.amount, change.unit)
            limit.mode = mode ?? limit.mode
            if let thresholds { limit.thresholds = thresholds.percentages }
            limit.counts = counts ?? limit.counts
            if let index { limits[index] = limit } else { limits.append(limit) }
        }
        return limits.sorted(by: Limit.precedes)
    }
}

extension CountedSide {
    /// Parses the value of `--source`. Throws an error that says what is expected.
    init(parsing text: String) throws {
        guard let side = CountedSide(rawValue: text) else {
            throw ScopeError("expected \(Self.allCases.map(\.rawValue).joined(separator: " or ")), found \(text)")
        }
        self = side
    }
}

/// The flags `--shadow` and `--enforce`.
enum LimitModeFlag: String, EnumerableFlag {
    case shadow
    case enforce

    var mode: Limit.Mode {
        switch self {
        case .shadow: .shadow
        case .enforce: .enforce
        }
    }
}

/// The value of `--thresholds`: `80,95`, `none` or `default`.
struct ThresholdsArgument: Equatable {
    /// The percentages, in ascending order. Nil stands for those of the policy.
    var percentages: [Int]?

    /// Parses the value. Throws an error that says what is expected.
    init(parsing text: String) throws {
        guard text != "default" else { return }
        guard text != "none" else {
            percentages = []
            return
        }
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        let percentages = numbers.compactMap { $0 }
        guard percentages.count == numbers.count, percentages.allSatisfy({ (1...1_000).contains($0) }),
            zip(percentages, percentages.dropFirst()).allSatisfy({ $0 < $1 })
        else {
            throw ScopeError(
                "expected ascending whole numbers from 1 to 1000 such as 80,95, or none, or default, found \(text)")
        }
        self.percentages = percentages
    }
}
