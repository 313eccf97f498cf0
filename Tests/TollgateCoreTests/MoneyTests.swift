import Testing
import TollgateTestSupport

@testable import TollgateCore

@Suite("Money")
struct MoneyTests {
    @Test(
        "decimal text becomes nano-units",
        arguments: [
            ("0", 0), ("1", 1_000_000_000), ("0.25", 250_000_000), ("-0.000000001", -1), ("007.10", 7_100_000_000),
            ("9000000000000000", 9_000_000_000_000_000_000_000_000),
        ] as [(String, Int128)])
    func parses(text: String, nanos: Int128) throws {
        #expect(try Money(parsing: text).nanos == nanos)
    }

    @Test(
        "other text is rejected",
        arguments: [
            ("", .notDecimal(.nano)), (".", .notDecimal(.nano)), (".5", .notDecimal(.nano)), ("5.", .notDecimal(.nano)),
            ("-", .notDecimal(.nano)), ("--1", .notDecimal(.nano)), ("1.-2", .notDecimal(.nano)),
            ("+1", .notDecimal(.nano)), ("1e3", .notDecimal(.nano)), ("1.2.3", .notDecimal(.nano)),
            ("१", .notDecimal(.nano)), ("0.0000000001", .tooManyFractionDigits(.nano)),
            ("9999999999999999999999999", .tooLarge(MoneyUnit.all[0])),
        ] as [(String, MoneyError)])
    func refuses(text: String, error: MoneyError) {
        #expect(throws: error) { try Money(parsing: text) }
    }

    @Test(
        "the text has no trailing zeros",
        arguments: [
            (0, "0"), (1, "0.000000001"), (20_000_000_000, "20"), (50_000_000, "0.05"), (-1_500_000_000, "-1.5"),
            (Int128(Int64.min), "-9223372036.854775808"),
        ] as [(Int128, String)])
    func prints(nanos: Int128, text: String) {
        #expect(Money(nanos: nanos).description == text)
    }

    @Test("an amount is a whole number of units or none")
    func units() throws {
        let whole = try #require(MoneyUnit(decimals: 0))
        #expect(try Money(parsing: "25").amount(in: whole) == 25)
        #expect(try Money(parsing: "25.5").amount(in: whole) == nil)
        #expect(try Money(parsing: "9000000000000000").amount(in: .nano) == nil)
        #expect(MoneyUnit.coarsest(for: try Money(parsing: "25.50")).decimals == 1)
        #expect(MoneyUnit.coarsest(for: try Money(parsing: "2500")).decimals == 0)
        #expect(MoneyUnit.coarsest(for: Money(nanos: -1)).decimals == 9)
    }
}

@Suite("Units of money")
struct MoneyUnitTests {
    @Test("0 to 9 decimals are units", arguments: [-1, 0, 9, 10, 256])
    func decimals(_ decimals: Int) {
        #expect(MoneyUnit(decimals: decimals)?.decimals == ((0...9).contains(decimals) ? decimals : nil))
    }

    @Test(
        "decimal text becomes a number of units",
        arguments: [
            ("0", 9, 0), ("1", 9, 1_000_000_000), ("0.25", 9, 250_000_000), ("0.000000001", 9, 1),
            ("9000000", 9, 9_000_000_000_000_000), ("8999999.999999999", 9, 8_999_999_999_999_999),
            ("9000000.000000000", 9, 9_000_000_000_000_000), ("007.10", 9, 7_100_000_000),
            ("25", 0, 25), ("9000000000000000", 0, 9_000_000_000_000_000), ("12.345", 3, 12_345),
            ("12.3", 3, 12_300), ("9000000000000", 3, 9_000_000_000_000_000), ("0.5", 1, 5),
        ] as [(String, Int, Int64)])
    func parses(text: String, decimals: Int, amount: Int64) throws {
        #expect(try #require(MoneyUnit(decimals: decimals)).amount(parsing: text.utf8) == amount)
    }

    @Test(
        "text that is no amount of the unit is an error that says why",
        arguments: [
            ("", 9, "expected a decimal number such as 0.25"), (".5", 9, "expected a decimal number such as 0.25"),
            ("5.", 2, "expected a decimal number such as 0.25"), ("-1", 1, "expected a decimal number such as 2.5"),
            ("1e3", 0, "expected a whole number such as 25"), ("1,5", 3, "expected a decimal number such as 0.25"),
            (" 1", 9, "expected a decimal number such as 0.25"), ("1.2.3", 9, "expected a decimal number such as 0.25"),
            ("NaN", 9, "expected a decimal number such as 0.25"),
            ("0.1234567890", 9, "more than 9 fraction digits"), ("1.0000000000", 9, "more than 9 fraction digits"),
            ("1.0", 0, "expected a whole number (the policy has decimals: 0)"),
            ("1.0001", 3, "more than 3 fraction digits (the policy has decimals: 3)"),
            ("9000000.000000001", 9, "more than 9000000 (the policy's decimals: 9; fewer allow more)"),
            ("99999999999999999999999999", 9, "more than 9000000 (the policy's decimals: 9; fewer allow more)"),
            ("18446744073709551616", 0, "more than 9000000000000000"),
            ("9000000000000000.1", 1, "more than 900000000000000 (the policy's decimals: 1; fewer allow more)"),
            ("9000000000000.001", 3, "more than 9000000000000 (the policy's decimals: 3; fewer allow more)"),
        ] as [(String, Int, String)])
    func refuses(text: String, decimals: Int, sentence: String) throws {
        let unit = try #require(MoneyUnit(decimals: decimals))
        let error = #expect(throws: MoneyError.self) { try unit.amount(parsing: text.utf8) }
        #expect(error?.explanation == sentence)
    }

    @Test("random amounts of each unit are parsed back from their text", arguments: 0...9)
    func roundTrip(_ decimals: Int) throws {
        var random = SeededGenerator(seed: UInt64(decimals))
        let unit = try #require(MoneyUnit(decimals: decimals))
        for _ in 0..<5_000 {
            let magnitude = Int64(10) << Int64.random(in: 0...49, using: &random)
            let amount = Int64.random(in: 0...min(magnitude, Meter.cost.maxAmount), using: &random)
            #expect(try unit.amount(parsing: unit.text(amount).utf8) == amount)
            #expect(try Money(parsing: unit.text(amount)).amount(in: unit) == amount)
            #expect(Money(amount, in: unit).description == unit.text(amount))
        }
    }
}
