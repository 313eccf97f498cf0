import TollgateAdmin
import TollgateCore
import TollgatePolicy

/// One check of `tollgate doctor`: what was found, and what to do about it.
struct DoctorCheck: Equatable {
    enum Result: String {
        case ok, warning, error
    }

    /// What was checked, such as `Redis memory`.
    var name: String
    var result: Result
    /// What was found, without a full stop.
    var sentence: String
    /// What to do; nil if there is nothing to do.
    var advice: String?

    init(_ name: String, _ result: Result, _ sentence: String, _ advice: String? = nil) {
        self.name = name
        self.result = result
        self.sentence = sentence
        self.advice = advice
    }

    /// Creates a check from a sentence for operators. What follows the last separator says what to do.
    ///
    /// - Parameter page: The page of documentation to name if the sentence has no separator.
    init(
        _ name: String, _ result: Result, fromSentence sentence: String, separator: String = "; ",
        orSee page: String = "operations"
    ) {
        guard let last = sentence.ranges(of: separator).last else {
            self.init(name, result, sentence, "see docs/\(page).md")
            return
        }
        self.init(name, result, String(sentence[..<last.lowerBound]), String(sentence[last.upperBound...]))
    }

    fileprivate var json: JSONValue {
        .object([
            "name": .string(name), "result": .string(result.rawValue), "sentence": .string(sentence),
            "advice": advice.map { .string($0) } ?? .null,
        ])
    }
}

/// The checks of `tollgate doctor` as text and JSON. Pure.
struct DoctorReport {
    var checks: [DoctorCheck]

    private static let colours: [DoctorCheck.Result: Int] = [.ok: 32, .warning: 33, .error: 31]

    /// The number of checks with a result.
    func count(_ result: DoctorCheck.Result) -> Int { checks.count { $0.result == result } }

    /// The checks in their order, and a line that counts them.
    func text(on terminal: Terminal) -> String {
        let lines = checks.flatMap {
            FindingText(
                word: $0.result.rawValue, colour: Self.colours[$0.result] ?? 0, text: "\($0.name): \($0.sentence)",
                advice: $0.advice
            ).lines(on: terminal)
        }
        return (lines + ["", summary]).joined(separator: "\n")
    }

    private var summary: String {
        func counted(_ result: DoctorCheck.Result) -> String {
            let number = count(result)
            return result == .ok ? "\(number) ok" : "\(number) \(result.rawValue)\(number == 1 ? "" : "s")"
        }
        return [.error, .warning, .ok].map(counted).joined(separator: ", ")
    }

    /// One JSON object: the checks, and the numbers of errors and warnings.
    var json: String {
        JSONValue.object([
            "checks": .array(checks.map(\.json)), "errors": .integer(Int64(count(.error))),
            "warnings": .integer(Int64(count(.warning))),
        ]).json
    }
}

/// A finding as lines: a word for its result, what was found, and what to do. Pure.
struct FindingText {
    var word: String
    /// The colour of the word.
    var colour: Int
    var text: String
    var advice: String?

    /// The width of the text in columns, at terminals of at least this width.
    private static let maxColumns = 80
    /// The width of the words.
    private static let wordWidth = 9

    func lines(on terminal: Terminal) -> [String] {
        var page = terminal
        page.columns = min(terminal.columns, Self.maxColumns)
        let indent = String(repeating: " ", count: Self.wordWidth)
        var lines = page.fitted(indent + JSONValue.printable(text), indent: Self.wordWidth)
        let gap = String(repeating: " ", count: Self.wordWidth - word.count)
        lines[0] = page.coloured(word, colour) + gap + lines[0].dropFirst(Self.wordWidth)
        guard let advice else { return lines }
        let arrow = page.isUTF8 ? "→ " : "> "
        return lines
            + page.fitted(indent + arrow + JSONValue.printable(advice), indent: Self.wordWidth + arrow.count)
    }
}
