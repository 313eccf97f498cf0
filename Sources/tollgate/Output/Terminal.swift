import Foundation
import Glibc

#if canImport(Glibc)
#endif

/// The capabilities of standard output.
struct Terminal: Equatable {
    /// The width in columns.
    var columns: Int
    /// Whether it displays more than ASCII.
    var isUTF8: Bool
    var hasColour: Bool
    /// Whether people read it as it is printed. Otherwise a file or another program does.
    var isTerminal: Bool

    private static let defaultColumns = 80

    init(columns: Int, isUTF8: Bool, hasColour: Bool, isTerminal: Bool = true) {
        self.columns = columns
        self.isUTF8 = isUTF8
        self.hasColour = hasColour
        self.isTerminal = isTerminal
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
        isTerminal = window != nil
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

    /// Cuts the middle out of a text that is wider than a number of columns, 1 or more, so that both ends of an id
    /// remain.
    func cut(_ text: String, to columns: Int) -> String {
        guard TerminalWidth.of(text) > columns else { return text }
        func fitting(_ characters: some Sequence<Character>, in width: Int) -> [Character] {
            var rest = width
            return characters.prefix { character in
                rest -= TerminalWidth.of(String(character))
                return rest >= 0
            }
        }
        let head = fitting(text, in: columns / 2)
        let tail = fitting(text.reversed(), in: columns - 1 - columns / 2)
        return String(head) + (isUTF8 ? "…" : "~") + String(tail.reversed())
    }

    /// The minimum number of columns behind an indent.
    private static let minTextColumns = 8

    /// Wraps a line at spaces and indents continuation lines, by less than the width. A word that is too long is divided.
    func wrapped(_ line: String, indent: Int) -> [String] {
        guard TerminalWidth.of(line) > columns else { return [line] }
        let indent = min(indent, max(columns - Self.minTextColumns, columns / 2))
        var (end, width) = (nil as String.Index?, 0)
        // At least one character behind the indent, however wide it is.
        let first = line.index(line.startIndex, offsetBy: indent + 1, limitedBy: line.endIndex) ?? line.endIndex
        var lastThatFits = first
        for index in line.indices {
            if line[index] == " ", width > indent { end = index }
            width += TerminalWidth.of(String(line[index]))
            guard width <= columns else { break }
            lastThatFits = max(line.index(after: index), first)
        }
        let gap = String(repeating: " ", count: indent)
        if let end { return [String(line[..<end])] + wrapped(gap + line[line.index(after: end)...], indent: indent) }
        return [String(line[..<lastThatFits])] + wrapped(gap + line[lastThatFits...], indent: indent)
    }

    /// Wraps a line if people read it. Otherwise it stays whole.
    func fitted(_ line: String, indent: Int) -> [String] { isTerminal ? wrapped(line, indent: indent) : [line] }

    /// Returns the text in a colour (an SGR code) if the terminal has colours.
    func coloured(_ text: String, _ code: Int) -> String {
        hasColour && !text.isEmpty ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
    }
}

/// The width of text in terminal columns.
enum TerminalWidth {
    /// Blocks of wide characters (East Asian Width W and F). They contain a few narrow characters, which count as wide.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x33ff, 0x3400...0x4dbf, 0x4e00...0xa4cf, 0xa960...0xa97f,
        0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x20000...0x3fffd,
    ]

    static func of(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + width($1) }
    }

    private static func width(_ scalar: Unicode.Scalar) -> Int {
        guard !scalar.isASCII else { return 1 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: break
        }
        return scalar.properties.isEmojiPresentation || wide.contains { $0.contains(scalar.value) } ? 2 : 1
    }
}
