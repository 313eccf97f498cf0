import Logging
import TollgateCore

/// The format of the log: `--log-format`.
enum LogFormat: String, CaseIterable {
    /// The time, the level, the message, and then `key=value` pairs.
    case text
    /// A JSON object.
    case json
}

/// One entry of the log as a line of text or JSON. Pure.
///
/// Metadata is sorted by key. Control characters are escaped, so that no entry can forge another line, or control a
/// terminal.
struct LogLine {
    /// Unix ms.
    var time: Int64
    var level: Logger.Level
    var message: String
    var metadata: Logger.Metadata

    /// The keys of a JSON line that metadata cannot have.
    private static let reserved: Set = ["time", "level", "message"]

    /// The line, without a line end.
    func text(_ format: LogFormat) -> String {
        let fields = metadata.sorted { $0.key < $1.key }
        switch format {
        case .text:
            let words = fields.map { " \($0.key)=\(Self.word("\($0.value)"))" }.joined()
            return "\(UTCTime.text(milliseconds: time)) \(level) \(Self.escaped(message))\(words)"
        case .json:
            let members =
                [("time", UTCTime.text(milliseconds: time)), ("level", "\(level)"), ("message", message)]
                .map { "\"\($0.0)\":\"\(Self.escaped($0.1, quotes: true))\"" }
                + fields.map { "\(Self.key($0.key)):\(Self.json($0.value))" }
            return "{\(members.joined(separator: ","))}"
        }
    }

    /// A value of the text format: quoted where it could be mistaken for several words.
    private static func word(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { $0 != " " && $0 != "\"" && $0 != "=" && !isUnsafe($0) }
        return isPlain && !text.isEmpty ? text : "\"\(escaped(text, quotes: true))\""
    }

    private static func key(_ key: String) -> String {
        "\"\(reserved.contains(key) ? "metadata_" : "")\(escaped(key, quotes: true))\""
    }

    private static func json(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): "\"\(escaped(text, quotes: true))\""
        case .stringConvertible(let value): "\"\(escaped("\(value)", quotes: true))\""
        case .array(let items): "[\(items.map(json).joined(separator: ","))]"
        case .dictionary(let members):
            "{"
                + members.sorted { $0.key < $1.key }
                .map { "\"\(escaped($0.key, quotes: true))\":\(json($0.value))" }.joined(separator: ",") + "}"
        }
    }

    /// Whether a character could end a line, control a terminal, or reverse the direction of text.
    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        guard !scalar.isASCII else { return scalar.value < 0x20 || scalar.value == 0x7f }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }

    /// The text with escapes of JSON for unsafe characters, and in quoted text for quotes and backslashes.
    private static func escaped(_ text: String, quotes: Bool = false) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"" where quotes, "\\" where quotes: result += "\\\(scalar)"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case let scalar where isUnsafe(scalar):
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
