import Testing
import TollgateCore

@testable import TollgateProviders

@Suite("Exact decimals")
struct ExactDecimalTests {
    private func nanos(_ text: String, _ power: Int = 9) -> Int128? {
        (try? ExactDecimal(parsing: text))?.rounded(timesTenToThe: power)
    }

    @Test("numbers are rounded half up to nano-units from all of their digits")
    func rounding() {
        let cases: [(String, Int128)] = [
            ("0", 0), ("-0", 0), ("-0.0e7", 0), ("0.06", 60_000_000), ("1.2e-05", 12_000),
            ("1.2E+3", 1_200_000_000_000),
            ("0.0000000005", 1), ("0.00000000049999999999999999999999999999", 0), ("5e-10", 1), ("4.99e-10", 0),
            ("49e-11", 0), ("5e-127", 0), ("1e-9", 1), ("0.1234567894999", 123_456_789), ("0.1234567895", 123_456_790),
            ("0.9999999995", 1_000_000_000), ("1e15", 1_000_000_000_000_000_000_000_000),
            ("000123.4500", 123_450_000_000),
            ("1000000000000000.0000", 1_000_000_000_000_000_000_000_000),
            ("0.000000000000000000000000000000000000000000000000000000000001", 0),
        ]
        for (text, expected) in cases { #expect(nanos(text) == expected, "\(text)") }
        #expect(nanos("123.789120", 7) == 1_237_891_200)
        #expect(nanos("0.00000005", 7) == 1)
    }

    @Test(
        "other texts are errors",
        arguments: [
            ("", ExactDecimal.Fault.notDecimal), ("-", .notDecimal), (".5", .notDecimal), ("1.", .notDecimal),
            ("1e", .notDecimal), ("1e+", .notDecimal), ("1e-+1", .notDecimal), ("+1", .notDecimal),
            ("NaN", .notDecimal),
            ("1 ", .notDecimal), ("1,5", .notDecimal), ("٣", .notDecimal), ("0x1", .notDecimal),
            ("1e-128", .notDecimal),
            ("-1", .negative), ("-1e-100", .negative), ("1e128", .tooLarge), ("1e16", .tooLarge),
            ("1000000000000000.1", .tooLarge), ("1000000000000001", .tooLarge), ("9e99999999999999999999", .tooLarge),
            (String(repeating: "9", count: 200), .tooLarge), (String(repeating: "1", count: 300), .notDecimal),
        ])
    func faults(text: String, fault: ExactDecimal.Fault) {
        #expect(throws: fault) { try ExactDecimal(parsing: text) }
    }

    @Test("sums are exact, in whatever order", arguments: 1...20 as ClosedRange<UInt64>)
    func sums(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        // In 10⁻²⁰, so that all sums are far below the maximum of Int128.
        var (exact, sum) = (Int128(0), ExactDecimal())
        for _ in 0..<200 {
            let amount = Int64.random(in: 0...999_999_999_999, using: &random)
            let decimals = Int.random(in: 0...20, using: &random)
            exact += (0..<20 - decimals).reduce(Int128(amount)) { value, _ in value * 10 }
            sum += try ExactDecimal(parsing: "\(amount)e-\(decimals)")
        }
        for power in [7, 9] {
            let divisor = (0..<20 - power).reduce(Int128(1)) { value, _ in value * 10 }
            #expect(sum.rounded(timesTenToThe: power) == (exact + divisor / 2) / divisor, "seed \(seed)")
        }
    }

    @Test("numbers with the same value are equal, and whole ones are integers")
    func values() throws {
        func parse(_ text: String) throws -> ExactDecimal { try ExactDecimal(parsing: text) }
        #expect(try parse("1500.00") == parse("15e2"))
        #expect(try parse("0.0") == ExactDecimal())
        #expect(try parse("15e2").integer == 1_500)
        #expect(try parse("1.5").integer == nil)
        #expect(try parse("1e15").integer == ProviderFigures.maxAmount)
        var sum = try parse("0.5")
        sum += try parse("0.5")
        #expect(try sum == parse("1") && sum.integer == 1)
        sum += try parse("1e15")
        #expect(!sum.isInRange)
    }
}

@Suite("Days and times of UTC")
struct UTCDayTests {
    @Test("days are their dates")
    func dates() {
        #expect("\(UTCDay(number: 20_777))" == "2026-11-20")
        #expect(UTCDay(parsing: "2026-11-20") == UTCDay(number: 20_777))
        #expect(UTCDay(containing: 1_796_117_400) == UTCDay(parsing: "2026-12-01"))
        #expect(UTCDay(containing: -1) == UTCDay(number: 0))
        #expect(UTCDay(number: .max).advanced(by: .max) == UTCDay(parsing: "9999-12-31"))
        #expect(UTCDay(parsing: "2028-02-29") != nil)
        for text in [
            "2027-02-29", "2026-13-01", "2026-00-10", "2026-1-010", "26-11-2011", "", "2026/11/20", "2026-11-2é",
        ] {
            #expect(UTCDay(parsing: text) == nil, "\(text)")
        }
        #expect(UTCDay(parsing: "2026-11-30")?.startOfNextMonth == UTCDay(parsing: "2026-12-01"))
        #expect(UTCDay(parsing: "2026-12-01")?.startOfNextWeek == UTCDay(parsing: "2026-12-07"))
        #expect(UTCDay(parsing: "2026-12-07")?.startOfNextWeek == UTCDay(parsing: "2026-12-14"))
        #expect(UTCDay(parsing: "2026-12-06")?.startOfNextWeek == UTCDay(parsing: "2026-12-07"))
    }

    @Test("instants are texts of RFC 3339")
    func instants() {
        for text in [
            "2026-12-01T09:30:00Z", "2026-12-01T09:30:00.999Z", "2026-12-01T10:30:00+01:00", "2026-12-01 09:30:00z",
            "2026-12-01T04:00:00-05:30",
        ] { #expect(RFC3339.seconds(parsing: text) == 1_796_117_400, "\(text)") }
        for text in [
            "", "2026-12-01", "2026-12-01T09:30:00", "2026-12-01T24:00:00Z", "2026-12-01T09:60:00Z",
            "2026-12-01T09:30:00.Z", "2026-12-01T9:30:000Z", "2026-12-01T09:30:00+1:00", "2026-12-01T09:30:00Zé",
            "2026-12-01T09:30:00+25:00", "2026-02-30T09:30:00Z", String(repeating: "\r\n", count: 10),
            "2026-12-01" + String(repeating: "\r\n", count: 5),
        ] { #expect(RFC3339.seconds(parsing: text) == nil, "\(text)") }
    }
}
