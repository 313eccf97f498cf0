import Testing
import TollgateCore

@Suite struct AlertCursorTests {
    @Test(
        "a cursor is parsed from its text, and prints the same text",
        arguments: ["0-0", "1795219201123-0", "18446744073709551615-18446744073709551615"])
    func roundTrip(_ text: String) throws {
        #expect(try #require(AlertCursor(parsing: text.utf8)).description == text)
        #expect(text.utf8.count <= AlertCursor.maxLength)
    }

    @Test(
        "any other text is rejected",
        arguments: [
            "", "-", "1", "1-", "-1", "1-2-3", "a-1", "1-a", "+1-1", "1--1", " 1-1", "1-1 ", "$",
            "18446744073709551616-0",
            "0-99999999999999999999999", "١-1",
        ])
    func malformed(_ text: String) {
        #expect(AlertCursor(parsing: text.utf8) == nil)
    }

    @Test("cursors are ordered by time, then by sequence number")
    func order() {
        let texts = ["0-0", "9-9", "9-10", "10-0", "999-18446744073709551615", "1000-0"]
        let places = texts.compactMap { AlertCursor(parsing: $0.utf8) }
        #expect(places.shuffled().sorted().map(\.description) == texts)
        #expect(places.min() == .start)
    }
}
