import Testing

@testable import TollgateCore

@Suite("Retry-After")
struct RetryAfterTests {
    @Test("the header is seconds or an HTTP date")
    func texts() {
        let now: Int64 = 1_795_255_200  // 2026-11-21T10:00:00Z
        let cases: [(String, Duration?)] = [
            ("120", .seconds(120)), (" 0 ", .seconds(0)), ("99999999999999999999", .seconds(999_999_999)),
            ("Sat, 21 Nov 2026 10:00:30 GMT", .seconds(30)), ("Sat, 21 Nov 2026 09:00:00 GMT", .seconds(0)),
            ("Thu, 29 Feb 2028 00:00:00 GMT", .seconds(40_140_000)), ("Mon, 29 Feb 2027 00:00:00 GMT", nil),
            ("Sat, 21 Nov 2026 24:00:00 GMT", nil), ("Sat, 21 Nov 2026 10:00 GMT", nil),
            ("Sat, 00 Nov 2026 10:00:00 GMT", nil), ("Sat, 21 Nov 2026 10:00:00 CET", nil), ("1 2", nil),
            ("-5", nil), ("1.5", nil), ("soon", nil), ("", nil), (String(repeating: "x", count: 5_000), nil),
        ]
        for (text, duration) in cases { #expect(RetryAfter.duration(text, now: now) == duration, "\(text.prefix(50))") }
    }
}
