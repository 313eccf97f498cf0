import Foundation

#if canImport(Glibc)
import Glibc
#endif

/// The capabilities of standard output.
struct Terminal: Equatable {
    /// The width in columns.
    var columns: Int
    /// Whether it displays more than ASCII.
    var isUTF8: Bool
    var hasColour: Bool

    private static let defaultColumns = 80

    init(columns: Int, isUTF8: Bool, hasColour: Bool) {
        self.columns = columns
        self.isUTF8 = isUTF8
        self.hasColour = hasColour
    }

    /// Creates a description of the terminal.
    ///
    /// - Parameters:
    ///   - window: The width of the window in columns. Nil if standard output is not a terminal.
    ///   - environment: The locale (`LC_ALL`, `LC_CTYPE`, `LANG`), `NO_COLOR`, `TERM`, and `COLUMNS` if there is no
    ///     window.
    init(window: Int?, environment: [String: String]) {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let locale = variable("LC_ALL") ?? variable("LC_CTYPE") ?? variable("LANG") ?? ""
        let encoding = locale.lowercased().replacing("-", with: "")
        columns = min(max(window ?? variable("COLUMNS").flatMap { Int($0) } ?? Self.defaultColumns, 40), 500)
        isUTF8 = encoding.contains("utf8")
        hasColour = window != nil && variable("NO_COLOR") == nil && environment["TERM"] != "dumb"
    }

    /// The standard output of this process.
    static var current: Terminal {
        Terminal(window: windowColumns, environment: ProcessInfo.processInfo.environment)
    }

    private static var windowColumns: Int? {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return defaultColumns }
        return Int(size.ws_col)
    }

    /// Truncates the text to a width of 1 or more columns.
    func shortened(_ text: String, to columns: Int) -> String {
        guard TerminalWidth.of(text) > columns else { return text }
        var (start, width) = ("", 0)
        for character in text {
            width += TerminalWidth.of(String(character))
            guard width < columns else { break }
            start.append(character)
        }
        return start + (isUTF8 ? "…" : "~")
    }

    /// Wraps a line at spaces and indents continuation lines. Truncates words that are too long.
    func wrapped(_ line: String, indent: Int) -> [String] {
        guard TerminalWidth.of(line) > columns else { return [line] }
        var (end, width) = (nil as String.Index?, 0)
        for index in line.indices where width <= columns {
            if line[index] == " ", width > indent { end = index }
            width += TerminalWidth.of(String(line[index]))
        }
        guard let end else { return [shortened(line, to: columns)] }
        let rest = String(repeating: " ", count: indent) + line[line.index(after: end)...]
        return [String(line[..<end])] + wrapped(rest, indent: indent)
    }

    /// Returns the text in a colour (an SGR code) if the terminal has colours.
    func coloured(_ text: String, _ code: Int) -> String {
        hasColour && !text.isEmpty ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
    }
}
