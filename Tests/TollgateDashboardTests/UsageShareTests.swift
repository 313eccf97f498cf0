import Testing
import TollgateCore

@testable import TollgateDashboard

/// Tests of percentages, levels and bars.
@Suite struct UsageShareTests {
    @Test(
        "a percentage is rounded down, so that it is never over a border",
        arguments: [
            (0, 100, "0.0 %", "0", ""), (1, 3, "33.3 %", "33.3", ""), (7_999, 10_000, "79.9 %", "79.9", ""),
            (79_999_999, 100_000_000, "79.9 %", "79.9", ""), (80, 100, "80.0 %", "80", "warning"),
            (9_996, 10_000, "99.9 %", "99.9", "warning"), (99_999_999, 100_000_000, "99.9 %", "99.9", "warning"),
            (100, 100, "100.0 %", "100", "danger"), (1_005, 1_000, "100.5 %", "100", "danger"),
            (123_456, 1_000, "12\u{202F}345.6 %", "100", "danger"), (472, 1_000, "47.2 %", "47.2", ""),
            (-5, 100, "0.0 %", "0", ""), (Int64.max - 1, .max, "99.9 %", "99.9", "warning"),
            (.max, .max, "100.0 %", "100", "danger"), (.min, .max, "0.0 %", "0", ""),
            (.max, 1, "922\u{202F}337\u{202F}203\u{202F}685\u{202F}477\u{202F}580\u{202F}700.0 %", "100", "danger"),
        ] as [(Int64, Int64, String, String, String)])
    func roundsDown(used: Int64, limit: Int64, text: String, bar: String, level: String) {
        let share = UsageShare(used: used, limit: limit)
        #expect(share.text == text)
        #expect(share.barWidth == bar)
        #expect(share.level.cssClass == level)
    }

    @Test("without a limit there is no percentage, and a limit of 0 is always reached")
    func noLimit() {
        let unlimited = UsageShare(used: .max, limit: nil)
        #expect(unlimited.text == "No Limit")
        #expect(unlimited.level == .unlimited)
        #expect(unlimited.level.cssClass == "none")
        #expect(unlimited.barWidth == "0")
        for used in [0, 1, Int64.max] {
            let blocked = UsageShare(used: used, limit: 0)
            #expect(blocked.text == "blocked")
            #expect(blocked.level == .danger)
            #expect(blocked.barWidth == "100")
        }
    }

    @Test("random shares agree with long division by decimal digits")
    func agreesWithLongDivision() {
        var random = SeededGenerator(seed: 20)
        var levels: [String: Int] = [:]
        for _ in 0..<20_000 {
            let (used, limit) = Self.amounts(&random)
            let share = UsageShare(used: used, limit: limit)
            let expected = LongDivision(used: used, limit: limit)
            #expect(share.text == expected.text, "\(used) of \(limit)")
            #expect(share.barWidth == expected.barWidth, "\(used) of \(limit)")
            #expect(share.level.cssClass == expected.level, "\(used) of \(limit)")
            levels[expected.level, default: 0] += 1
        }
        for level in ["", "warning", "danger"] { #expect((levels[level] ?? 0) > 3_000, "\(level)") }
    }

    @Test("shares are sorted by their exact fractions, with those without a limit last in both directions")
    func order() {
        let third = UsageShare(used: 1, limit: 3)
        let almostThird = UsageShare(used: 3_333_333_333_333_333, limit: 10_000_000_000_000_000)
        let huge = UsageShare(used: .max, limit: 1)
        let blocked = UsageShare(used: 0, limit: 0)
        let unlimited = UsageShare(used: 5, limit: nil)
        let shares = [unlimited, blocked, third, huge, almostThird]
        let ascending = shares.sorted { UsageShare.precedes($0, $1, in: .ascending) }
        let descending = shares.sorted { UsageShare.precedes($0, $1, in: .descending) }
        #expect(ascending == [almostThird, third, huge, blocked, unlimited])
        #expect(descending == [blocked, huge, third, almostThird, unlimited])
    }

    @Test("the order of random shares is a strict weak one, and that of their texts")
    func orderOfTexts() {
        var random = SeededGenerator(seed: 21)
        for _ in 0..<5_000 {
            let (left, right) = (Self.amounts(&random), Self.amounts(&random))
            let lhs = UsageShare(used: left.used, limit: left.limit)
            let rhs = UsageShare(used: right.used, limit: right.limit)
            #expect(!UsageShare.precedes(lhs, lhs, in: .ascending))
            let isLess = UsageShare.precedes(lhs, rhs, in: .ascending)
            #expect(!isLess || !UsageShare.precedes(rhs, lhs, in: .ascending))
            #expect(isLess == UsageShare.precedes(rhs, lhs, in: .descending))
            let (leftTenths, rightTenths) = (
                LongDivision(used: left.used, limit: left.limit).quotient,
                LongDivision(used: right.used, limit: right.limit).quotient
            )
            if leftTenths != rightTenths {
                let isShorter = leftTenths.count < rightTenths.count
                #expect(isLess == (leftTenths.count == rightTenths.count ? leftTenths < rightTenths : isShorter))
            }
        }
    }

    /// Returns a used amount and a limit of 1 or more: of all sizes, and many near 80 and 100 %.
    private static func amounts(_ random: inout SeededGenerator) -> (used: Int64, limit: Int64) {
        let size = Int64.random(in: 0...62, using: &random)
        let extremes: [Int64] = [1, 2, 3, 4, 5, 99, 100, 101, .max - 1, .max]
        let limit =
            Int.random(in: 0..<8, using: &random) == 0
            ? extremes.randomElement(using: &random) ?? 1
            : Int64.random(in: 1...(1 << size), using: &random)
        let used: Int64
        switch Int.random(in: 0..<4, using: &random) {
        case 0: used = limit / 5 * 4 + limit % 5 * 4 / 5
        case 1: used = limit
        case 2: used = Int64.random(in: 0...limit, using: &random)
        default: used = Int64.random(in: .min ... .max, using: &random)
        }
        return (used.addingReportingOverflow(Int64.random(in: -2...2, using: &random)).partialValue, limit)
    }
}

/// The tenths of a percentage by long division: digit by digit, with remainders of 64 bits.
private struct LongDivision {
    /// The decimal digits of the quotient, rounded down.
    let quotient: String

    init(used: Int64, limit: Int64) {
        var remainder: UInt64 = 0
        var digits = ""
        for digit in "\(max(used, 0))000".utf8 {
            var (high, low) = remainder.multipliedFullWidth(by: 10)
            let (sum, carry) = low.addingReportingOverflow(UInt64(digit - 0x30))
            low = sum
            if carry { high += 1 }
            let division = limit.magnitude.dividingFullWidth((high, low))
            digits += "\(division.quotient)"
            remainder = division.remainder
        }
        let significant = digits.drop { $0 == "0" }
        quotient = significant.isEmpty ? "0" : String(significant)
    }

    /// The percentage in whole percent, as digits.
    private var whole: Substring { quotient.count > 1 ? quotient.dropLast() : "0" }

    var text: String {
        var groups: [Substring] = []
        var rest = whole
        while rest.count > 3 {
            groups.insert(rest.suffix(3), at: 0)
            rest = rest.dropLast(3)
        }
        return ([rest] + groups).joined(separator: "\u{202F}") + ".\(quotient.suffix(1)) %"
    }

    var barWidth: String {
        guard whole.count < 3 else { return "100" }
        return quotient.suffix(1) == "0" ? String(whole) : "\(whole).\(quotient.suffix(1))"
    }

    var level: String {
        if whole.count >= 3 { return "danger" }
        return whole.count == 2 && whole >= "80" ? "warning" : ""
    }
}
