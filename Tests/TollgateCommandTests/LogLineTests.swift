import Foundation
import Logging
import Testing
import TollgateTestSupport

@testable import tollgate

/// The lines of the log.
@Suite struct LogLineTests {
    private static let time: Int64 = 1_763_662_801_123

    private func line(_ message: String, _ metadata: Logger.Metadata = [:]) -> LogLine {
        LogLine(time: Self.time, level: .warning, message: message, metadata: metadata)
    }

    @Test("a line of text has time with milliseconds, level, message, and sorted metadata, quoted where needed")
    func text() {
        #expect(
            line("policy reloaded", ["file": "tollgate.yaml", "changed": "user/requests/1m, tier basic", "b": ""])
                .text(.text)
                == #"2025-11-20T18:20:01.123Z warning policy reloaded b="" changed="user/requests/1m, tier basic" file=tollgate.yaml"#
        )
        #expect(line("a", ["k": "x=y"]).text(.text).hasSuffix(#" a k="x=y""#))
        #expect(line("a", ["k": #"say "hi"\"#]).text(.text).hasSuffix(#" a k="say \"hi\"\\""#))
    }

    @Test("a line of JSON is an object that any parser reads, whatever the message and the metadata contain")
    func json() throws {
        let message = "a \"b\" \\ \n\r\t\u{1b}[31m \u{202e} \u{2028} é 😀"
        let metadata: Logger.Metadata = [
            "reason": "x\ny", "list": ["a", .stringConvertible(3)], "map": ["k\"": "v"], "message": "other",
        ]
        let text = line(message, metadata).text(.json)
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x202e && $0.value != 0x2028 })
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["time"] as? String == "2025-11-20T18:20:01.123Z" && object["level"] as? String == "warning")
        #expect(object["message"] as? String == message && object["metadata_message"] as? String == "other")
        #expect(object["reason"] as? String == "x\ny" && object["list"] as? [String] == ["a", "3"])
        #expect(object["map"] as? [String: String] == ["k\"": "v"])
    }

    @Test("control characters cannot begin another line or control a terminal")
    func harmless() {
        let text = line("first\nsecond\u{1b}[2J", ["k": "a\u{202e}b\u{0}"]).text(.text)
        #expect(text.hasSuffix(#" first\nsecond\u001b[2J k="a\u202eb\u0000""#), "\(text)")
    }
}
