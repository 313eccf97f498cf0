import Testing
import TollgateTestSupport

@testable import TollgateCore

@Suite("Money")
struct MoneyTests {
    @Test(
        "decimal text becomes nano-units",
        arguments: [
            ("0", 0), ("1", 1_000_000_000), ("0.25", 250_000_000), ("0.000000001", 1), ("20.5", 20_500_000_000),
            ("9000000", 9_000_000_000_000_000), ("8999999.999999999", 8_999_999_999_999_999), ("007.10", 7_100_000_000),
            ("9000000.000000000", 9_000_000_000_000_000),
        ])
    func parses(text: String, nanos: Int64) throws {
        #expect(try Money(parsing: text.utf8).nanos == nanos)
    }

    @Test(
        "other text is rejected",
        arguments: [
            ("", .notDecimal), (".", .notDecimal), (".5", .notDecimal), ("5.", .notDecimal), ("-1", .notDecimal),
            ("+1", .notDecimal), ("1e3", .notDecimal), ("1,5", .notDecimal), ("1.2.3", .notDecimal),
            (" 1", .notDecimal),
            ("1_000", .notDecimal), ("0x10", .notDecimal), ("NaN", .notDecimal), ("१", .notDecimal),
            ("0.0000000001", .tooManyFractionDigits), ("1.0000000000", .tooManyFractionDigits),
            ("9000000.000000001", .tooLarge), ("9000001", .tooLarge), ("99999999999999999999999999", .tooLarge),
            ("18446744073709551616", .tooLarge),
        ] as [(String, Money.ParsingError)])
    func refuses(text: String, error: Money.ParsingError) {
        #expect(throws: error) { try Money(parsing: text.utf8) }
    }

    @Test("nine fraction digits are accepted, and ten are rejected, even if the tenth is 0")
    func fractionDigits() throws {
        #expect(try Money(parsing: "0.123456789".utf8).nanos == 123_456_789)
        #expect(throws: Money.ParsingError.tooManyFractionDigits) { try Money(parsing: "0.1234567890".utf8) }
    }

    @Test(
        "the text has no trailing zeros",
        arguments: [
            (0, "0"), (1, "0.000000001"), (20_000_000_000, "20"), (50_000_000, "0.05"), (-1_500_000_000, "-1.5"),
            (-1, "-0.000000001"), (Int64.min, "-9223372036.854775808"), (Int64.max, "9223372036.854775807"),
        ])
    func prints(nanos: Int64, text: String) {
        #expect(Money(nanos: nanos).description == text)
    }

    @Test("random amounts are parsed back from their text")
    func roundTrip() throws {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<20_000 {
            let magnitude = Int64(10) << Int64.random(in: 0...49, using: &random)
            let money = Money(nanos: .random(in: 0...min(magnitude, Money.max.nanos), using: &random))
            #expect(try Money(parsing: money.description.utf8) == money)
        }
    }
}
