import Testing
import TollgateCore

@testable import tollgate

@Suite("Bars in a terminal")
struct BarChartTests {
    private let utf8 = Terminal(columns: 40, isUTF8: true, hasColour: false)
    private let ascii = Terminal(columns: 40, isUTF8: false, hasColour: false)
    private let coloured = Terminal(columns: 40, isUTF8: true, hasColour: true)

    private func plain(_ amounts: [(String, String, Double)]) -> BarChart {
        BarChart(names: [], bars: amounts.map { .init(label: $0.0, text: $0.1, segments: [$0.2]) })
    }

    @Test("the longest bar fills the line, and others are proportional to an eighth of a cell")
    func lengths() {
        let chart = plain([("a", "20.00", 20), ("bb", "10.00", 10), ("c", "1.25", 1.25), ("d", "0.00", 0)])
        // 40 columns minus 2 for labels, 5 for amounts and 4 for gaps.
        let full = String(repeating: "█", count: 29)
        #expect(
            chart.lines(on: utf8) == [
                "a   20.00  \(full)", "bb  10.00  ██████████████▌", "c    1.25  █▉", "d    0.00",
            ])
        #expect(
            chart.lines(on: ascii) == [
                "a   20.00  \(String(repeating: "#", count: 29))", "bb  10.00  \(String(repeating: "#", count: 15))",
                "c    1.25  ##", "d    0.00",
            ])
        for terminal in [utf8, ascii] {
            #expect(chart.lines(on: terminal).allSatisfy { TerminalWidth.of($0) <= 40 })
        }
    }

    @Test("any amount above zero is visible, and zero is not drawn")
    func least() {
        #expect(plain([("a", "1", 1_000_000), ("b", "1", 1)]).lines(on: utf8)[1] == "b  1  ▏")
        #expect(plain([("a", "1", 1_000_000), ("b", "1", 1)]).lines(on: ascii)[1] == "b  1  #")
        #expect(plain([("a", "0", 0), ("b", "0", 0)]).lines(on: utf8) == ["a  0", "b  0"])
        #expect(plain([]).lines(on: utf8).isEmpty)
    }

    @Test("long labels leave space for a bar, and wide characters count twice")
    func labels() {
        let long = plain([(String(repeating: "x", count: 60), "1", 1)]).lines(on: utf8)[0]
        // 40 columns minus 1 for the amount, 10 for the bar and 4 for gaps.
        #expect(long == "\(String(repeating: "x", count: 24))…  1  ██████████")
        let lines = plain([("東京", "1", 1), ("a", "1", 1)]).lines(on: utf8)
        #expect(lines[1].hasPrefix("a     1  "))
        #expect(lines.map(TerminalWidth.of) == [40, 40])
    }

    private var stacked: BarChart {
        BarChart(
            names: [("openai", "9"), ("anthropic", "5")],
            bars: [
                .init(label: "a", text: "10", segments: [6, 4]), .init(label: "b", text: "4", segments: [3, 1]),
                .init(label: "c", text: "0", segments: [0, 0]),
            ])
    }

    @Test("segments differ in density, and add up to the bar")
    func stack() {
        // 33 cells for 10: 20 and 13. 13 cells for 4: 10 and 3.
        #expect(
            stacked.lines(on: utf8) == [
                "█ openai 9   ▓ anthropic 5", "",
                "a  10  \(String(repeating: "█", count: 20))\(String(repeating: "▓", count: 13))",
                "b   4  \(String(repeating: "█", count: 10))▓▓▓", "c   0",
            ])
        #expect(
            stacked.lines(on: ascii)[2]
                == "a  10  \(String(repeating: "#", count: 20))\(String(repeating: "=", count: 13))")
    }

    @Test("with colours, each segment has its own, and nothing else is coloured")
    func colours() {
        let lines = stacked.lines(on: coloured)
        #expect(lines[0] == "\u{1b}[36m█\u{1b}[0m openai 9   \u{1b}[33m█\u{1b}[0m anthropic 5")
        #expect(lines[3] == "b   4  \u{1b}[36m██████████\u{1b}[0m\u{1b}[33m███\u{1b}[0m")
        #expect(lines[4] == "c   0")
        #expect(plain([("a", "1", 1)]).lines(on: coloured)[0].hasPrefix("a  1  \u{1b}[36m█"))
        #expect(!stacked.lines(on: utf8).joined().contains("\u{1b}"))
    }

    @Test("a legend wraps, and long names are truncated")
    func legend() {
        let chart = BarChart(
            names: [("a", "1"), (String(repeating: "b", count: 40), "22"), ("ccc", "3")],
            bars: [.init(label: "x", text: "1", segments: [1, 0, 0])])
        let cut = String(repeating: "b", count: 23)
        #expect(
            chart.lines(on: utf8).prefix(3) == ["█ a 1   ▓ \(cut)… 22", "▒ ccc 3", ""])
        #expect(chart.lines(on: ascii)[0] == "# a 1   = \(cut)~ 22")
    }

    @Test("random charts fit the terminal")
    func widths() {
        for seed in 1...200 as ClosedRange<UInt64> {
            var random = SeededGenerator(seed: seed)
            func text(_ longest: Int) -> String {
                let letters: [Character] = ["a", "B", "é", "東", "🙂", " "]
                return String(
                    (0...Int.random(in: 0...longest, using: &random)).map { _ in
                        letters.randomElement(using: &random) ?? "a"
                    })
            }
            func amount() -> String {
                "\(Int64.random(in: 0 ... .max, using: &random) >> Int64.random(in: 0...62, using: &random))"
            }
            let isSplit = Bool.random(using: &random)
            let names = isSplit ? (0..<4).map { _ in (name: text(80), text: amount()) } : []
            let bars = (0..<5).map { _ in
                let segments = (0..<(isSplit ? 4 : 1)).map { _ in Double(Int.random(in: 0...1_000, using: &random)) }
                return BarChart.Bar(label: text(60), text: amount(), segments: segments)
            }
            let columns = Int.random(in: 40...120, using: &random)
            for isUTF8 in [true, false] {
                let terminal = Terminal(columns: columns, isUTF8: isUTF8, hasColour: false)
                let lines = BarChart(names: names, bars: bars).lines(on: terminal)
                #expect(lines.allSatisfy { TerminalWidth.of($0) <= columns }, "seed \(seed): \(lines)")
                let coloured = Terminal(columns: columns, isUTF8: isUTF8, hasColour: true)
                let plain = BarChart(names: names, bars: bars).lines(on: coloured).map {
                    $0.replacing(/\u{1b}\[[0-9]+m/, with: "")
                }
                #expect(plain.allSatisfy { TerminalWidth.of($0) <= columns }, "seed \(seed): \(plain)")
            }
        }
    }

    @Test("random bars fit the line and are proportional")
    func random() {
        for seed in 1...50 {
            var random = SystemRandomNumberGenerator()
            let segments = (0..<5).map { _ in (0..<4).map { _ in Double(Int.random(in: 0...1_000, using: &random)) } }
            let chart = BarChart(
                names: ["a", "b", "c", "d"].map { ($0, "") },
                bars: segments.map { .init(label: "x", text: "1", segments: $0) })
            let most = chart.bars.map(\.amount).max() ?? 0
            for terminal in [utf8, ascii] {
                for (bar, line) in zip(chart.bars, chart.lines(on: terminal).dropFirst(2)) where bar.amount > 0 {
                    let cells = TerminalWidth.of(line) - 6
                    #expect(cells == max(Int((bar.amount / most * 34).rounded()), 1), "\(seed): \(line)")
                }
            }
        }
    }
}

@Suite("Terminal capabilities")
struct TerminalTests {
    @Test(
        "its width is the window's, or COLUMNS, or 80",
        arguments: [
            (nil, [:], 80), (nil, ["COLUMNS": "132"], 132), (100, ["COLUMNS": "132"], 100), (nil, ["COLUMNS": "x"], 80),
            (nil, ["COLUMNS": "1"], 40), (nil, ["COLUMNS": "99999"], 500), (20, [:], 40),
        ] as [(Int?, [String: String], Int)])
    func columns(window: Int?, environment: [String: String], columns: Int) {
        #expect(Terminal(window: window, environment: environment).columns == columns)
    }

    @Test(
        "blocks are drawn where the locale is UTF-8, by the first variable that says so",
        arguments: [
            ([:], false), (["LANG": "C"], false), (["LANG": "de_DE.UTF-8"], true), (["LANG": "C.utf8"], true),
            (["LC_ALL": "C", "LANG": "C.UTF-8"], false), (["LC_ALL": "", "LANG": "C.UTF-8"], true),
            (["LC_CTYPE": "en_US.UTF-8", "LANG": "C"], true), (["LANG": "de_DE.ISO-8859-1"], false),
        ] as [([String: String], Bool)])
    func locale(environment: [String: String], isUTF8: Bool) {
        #expect(Terminal(window: 80, environment: environment).isUTF8 == isUTF8)
    }

    @Test("colours are used in windows only, and not with NO_COLOR")
    func colours() {
        #expect(Terminal(window: 80, environment: [:]).hasColour)
        #expect(Terminal(window: 80, environment: ["NO_COLOR": ""]).hasColour)
        #expect(!Terminal(window: 80, environment: ["NO_COLOR": "1"]).hasColour)
        #expect(!Terminal(window: 80, environment: ["TERM": "dumb"]).hasColour)
        #expect(!Terminal(window: nil, environment: [:]).hasColour)
    }
}
