import Testing
import TollgateCore

@testable import TollgateDashboard

/// Tests of the texts of amounts. `_` stands for the narrow no-break space between groups of digits.
@Suite struct NumberTextTests {
    @Test(
        "whole numbers have their digits in groups of three",
        arguments: [
            (0, "0"), (999, "999"), (1_000, "1_000"), (-1_234_567, "-1_234_567"), (100_000, "100_000"),
            (.max, "9_223_372_036_854_775_807"), (.min, "-9_223_372_036_854_775_808"),
        ] as [(Int64, String)])
    func grouped(number: Int64, text: String) {
        #expect(NumberText.grouped(number) == Self.spaced(text))
    }

    @Test(
        "money has all its decimals, and at least two if the unit has as many",
        arguments: [
            (0, 9, "0.00"), (3_200_000_000, 9, "3.20"), (18_500_000, 9, "0.0185"), (1, 9, "0.000000001"),
            (-1_500_000_000, 9, "-1.50"), (1_234_567_000_000_000, 9, "1_234_567.00"), (5, 2, "0.05"),
            (123_456, 2, "1_234.56"), (5, 0, "5"), (12_345, 0, "12_345"), (5, 1, "0.5"), (50, 1, "5.0"),
            (1_230, 3, "1.23"), (.max, 9, "9_223_372_036.854775807"), (.min, 0, "-9_223_372_036_854_775_808"),
        ] as [(Int64, Int, String)])
    func money(amount: Int64, decimals: Int, text: String) throws {
        let unit = try #require(MoneyUnit(decimals: decimals))
        #expect(NumberText.money(amount, in: unit) == Self.spaced(text))
    }

    @Test("money is parsed from its text without separators")
    func moneyIsExact() throws {
        var random = SeededGenerator(seed: 31)
        for _ in 0..<5_000 {
            let unit = try #require(MoneyUnit.all.randomElement(using: &random))
            let amount =
                Int64.random(in: 0...9_000_000_000_000_000, using: &random) >> Int64.random(in: 0...50, using: &random)
            let text = NumberText.money(amount, in: unit).unicodeScalars.filter { $0 != "\u{202F}" }
            #expect(try unit.amount(parsing: String(String.UnicodeScalarView(text)).utf8) == amount)
        }
    }

    @Test(
        "compact numbers are rounded towards zero",
        arguments: [
            (0, "0"), (999, "999"), (1_000, "1 k"), (1_500, "1.5 k"), (3_499, "3.4 k"), (12_345, "12.3 k"),
            (999_999, "999.9 k"), (1_000_000, "1 M"), (1_299_999, "1.2 M"), (5_000_000_000, "5 B"),
            (1_999_999_999_999, "1.9 T"), (12_345_600_000_000_000, "12_345.6 T"),
            (-3_499, "-3.4 k"), (-999, "-999"),
        ] as [(Int128, String)])
    func compact(number: Int128, text: String) {
        #expect(NumberText.compact(number) == Self.spaced(text))
    }

    @Test(
        "compact money has two decimals or none, and two digits of small amounts",
        arguments: [
            (0, 9, "0"), (5_000_000_000, 9, "5"), (1_500_000_000, 9, "1.50"), (12_349_999_999, 9, "12.34"),
            (50_000_000, 9, "0.05"), (500_000_000, 9, "0.50"), (1_299_999, 9, "0.0012"), (1, 9, "0.000000001"),
            (999_999_999_999, 9, "999.99"), (1_000_000_000_000, 9, "1 k"), (3_499_000_000_000_000, 9, "3.4 M"),
            (15, 1, "1.5"), (1_500, 0, "1.5 k"), (7, 0, "7"), (-12_349_999_999, 9, "-12.34"), (5_001_000_000, 9, "5"),
            (123_000_000, 9, "0.12"),
        ] as [(Int128, Int, String)])
    func compactMoney(amount: Int128, decimals: Int, text: String) throws {
        let unit = try #require(MoneyUnit(decimals: decimals))
        #expect(NumberText.compactMoney(amount, in: unit) == Self.spaced(text))
    }

    @Test("amounts have the name of what they count")
    func units() {
        let money = AmountUnit.money(.nano, currency: "USD")
        #expect(money.text(3_200_000_000) == "3.20 USD")
        #expect(money.number(18_500_000) == "0.0185")
        #expect(money.compact(2_500_000_000_000) == "2.5 k")
        #expect(money.compactText(46_233_129_707) == "46.23 USD")
        #expect(money.name == "USD")
        let tokens = AmountUnit.count("tokens")
        #expect(tokens.text(1_200) == "1\u{202F}200 tokens")
        #expect(tokens.compact(1_200) == "1.2 k")
    }

    private static func spaced(_ text: String) -> String { text.replacing("_", with: "\u{202F}") }
}
