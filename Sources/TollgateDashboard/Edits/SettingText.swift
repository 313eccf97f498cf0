import TollgateAdmin
import TollgatePolicy

/// Settings that a user enters as text, in JSON or in YAML.
enum SettingText {
    /// The error of a text: a sentence for its field.
    struct Fault: Error {
        var sentence: String
    }

    /// Parses a text. An empty one is an empty object.
    static func value(of text: String) throws(Fault) -> JSONValue {
        let text = text.trimmed
        guard !text.isEmpty else { return .object([:]) }
        let problem: Problem
        do throws(Problem) {
            return try JSONValue(text: text)
        } catch {
            problem = error
        }
        do throws(PolicyError) {
            return try YAMLDocument(yaml: text, file: "text").root().map { JSONValue($0) } ?? .object([:])
        } catch {
            // A text that looks like JSON was meant as such.
            guard !text.hasPrefix("{\""), let first = error.problems.first else {
                throw Fault(sentence: "\(problem.detail).")
            }
            let path = first.path.isEmpty ? "" : "\(first.path): "
            throw Fault(sentence: "Line \(first.line): \(path)\(first.sentence)")
        }
    }
}
