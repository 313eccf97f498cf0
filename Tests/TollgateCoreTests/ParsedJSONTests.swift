import Testing

@testable import TollgateCore

@Suite("Parsed JSON")
struct ParsedJSONTests {
    private func parse(_ text: String) -> ParsedJSON? { try? JSONParser.value(of: text.utf8) }

    @Test("numbers are their texts")
    func numbers() {
        for text in [
            "0", "-0", "1.2e-05", "0.10", "1E+3", "9223372036854775808", "0.1234567890123456789012345678901234567890",
        ] {
            #expect(parse(text) == .number(text))
            #expect(parse(" [ \(text)\t]")?.items == [.number(text)])
        }
    }

    @Test("numbers are at most 64 characters long, with an exponent of at most 127")
    func bounds() {
        for text in ["1e127", "1e-127", "1e007", "1e0127", "1e-0", String(repeating: "9", count: 64)] {
            #expect((parse(text) != nil) == (text != "1e0127"), "\(text)")
        }
        for (text, sentence) in [
            ("1e128", "is not valid JSON: expected a smaller number at byte 1"),
            (" 1e999999999999999999999", "is not valid JSON: expected a smaller number at byte 2"),
            ("1e-128", "is not valid JSON: expected fewer digits at byte 1"),
            (
                String(repeating: "9", count: 65),
                "is not valid JSON: expected a number of at most 64 characters at byte 1"
            ),
        ] {
            let fault = #expect(throws: JSONParser.Fault.self) { try JSONParser.value(of: text.utf8) }
            #expect(fault?.description == sentence)
        }
    }

    @Test("errors describe what was found")
    func found() throws {
        let values = try #require(parse(#"[null, true, 1.50, "a\u0007b", [], {}]"#)?.items)
        #expect(values.map(\.found) == ["null", "true", "1.50", "\"ab\"", "a list", "an object"])
    }
}
