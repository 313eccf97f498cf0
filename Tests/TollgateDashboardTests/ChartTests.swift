import Testing
import TollgateCore
import TollgatePolicy

@testable import TollgateDashboard

/// Tests of the charts.
@Suite struct ChartTests {
    private static let money = AmountUnit.money(.nano, currency: "USD")
    private static let parts: Set<String> = ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "so"]
    /// Names that would break out of attributes or elements, or would not be valid XML.
    private static let hostileNames = [
        "<img src=x onerror=alert(1)>", "\"\u{301} onmouseover=\"\u{301}x", "'\u{338}><script>", "&amp;&", "../../etc",
        "\u{202E}dlrow", "\u{627}\u{644}\u{639}\u{631}\u{628}\u{64A}\u{629}", "\u{0}\u{1}\u{FFFE}\u{FFFF}", "]]>",
        "<!--",
        "\u{301}", "", String(repeating: "é", count: 128), "line\nbreak\u{2028}", "\u{1F468}\u{200D}\u{1F469}\u{1F467}",
    ]

    private static func days(_ count: Int) -> [String] {
        (0..<count).map { LocalTime.label(of: CalendarRules.utc.window(.day, containing: Int64($0) * 86_400_000)) }
    }

    private static func data(_ columns: [String], _ series: [ChartData.Series]) -> ChartData {
        ChartData(id: "cost", title: "Cost by day and provider", columns: columns, series: series, unit: money)
    }

    /// The tips of the areas behind bars.
    private static func totals(_ page: ParsedMarkup) -> [String] {
        page.all("rect").filter { $0.cssClass.isEmpty }.compactMap { $0.attributes["data-tip"] }
    }

    /// The totals in the legend.
    private static func legend(_ page: ParsedMarkup) -> [String] { page.marks(["number"]).map(\.text) }

    // MARK: - Stacked bars

    @Test("bars have a mark per amount, with a tip")
    func bars() throws {
        let data = Self.data(
            ["11 Nov", "12 Nov"],
            [
                .init("mistral", [1_000_000_000, 0]), .init("openai", [1_000_000_000, 3_200_000_000]),
            ])
        let page = try #require(ParsedMarkup(StackedBars(data).markup))
        let bars = page.all("rect").filter { Self.parts.contains($0.cssClass) }
        #expect(
            bars.compactMap { $0.attributes["data-tip"] } == [
                "11 Nov · openai · 1.00 USD", "11 Nov · mistral · 1.00 USD", "12 Nov · openai · 3.20 USD",
            ])
        #expect(bars.map(\.cssClass) == ["s1", "s2", "s1"])
        // The axis ends at 4 USD, and is 190 high from 216 upwards. A column is 324 wide, from 52.
        #expect(bars.map { $0.number("height") } == [47.5, 47.5, 152])
        #expect(bars.map { $0.number("y") } == [168.5, 121, 64])
        #expect(bars.map { $0.number("x") } == [84.4, 84.4, 408.4])
        #expect(bars.map { $0.number("width") } == [259.2, 259.2, 259.2])
        let totals = Self.totals(page)
        #expect(totals == ["11 Nov · 2.00 USD", "12 Nov · 3.20 USD"])
        #expect(page.marks(["axis"]).map(\.text) == ["0", "1", "2", "3", "4", "USD", "11 Nov", "12 Nov"])
        let description = page.all("desc").map(\.text)
        #expect(description == ["11 Nov to 12 Nov: total 5.20 USD, maximum 3.20 USD (12 Nov)."])
        #expect(page.childText("bdi") { $0.name == "li" } == ["openai", "mistral"])
        #expect(Self.legend(page) == ["4.20 USD", "1 USD"])
    }

    @Test("the eight largest series have a colour, and the others are one series")
    func folding() throws {
        var series = (1...10).map { ChartData.Series("p\($0)", [Int64($0)]) }
        series.append(.init("none", [0]))
        series.insert(.init("others", [100], isOther: true), at: 0)
        let parts = Self.data(["1 Nov"], series).stacked
        #expect(parts.map(\.name) == ["p10", "p9", "p8", "p7", "p6", "p5", "p4", "p3", "others"])
        #expect(parts.map(\.cssClass) == ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "so"])
        #expect(parts.last?.values == [103])
        let unnamed = Self.data(["1 Nov"], Array(series.dropFirst())).stacked
        #expect(unnamed.last?.name == "(other)")
        #expect(unnamed.last?.values == [3])
    }

    @Test("negative amounts count in totals and are not drawn")
    func refunds() throws {
        let data = Self.data(["1 Nov"], [.init("a", [3_000_000_000]), .init("-", [-1_000_000_000])])
        let page = try #require(ParsedMarkup(StackedBars(data).markup))
        #expect(Self.totals(page) == ["1 Nov · 2.00 USD"])
        #expect(page.marks(Self.parts).filter { $0.name == "rect" }.count == 1)
        #expect(Self.legend(page) == ["3 USD", "-1 USD"])
        #expect(page.all("desc").map(\.text) == ["1 Nov: total 2.00 USD, maximum 2.00 USD (1 Nov)."])
    }

    // MARK: - Lines

    @Test("lines have a point per amount, with a tip")
    func lines() throws {
        let series = (1...9).map { ChartData.Series("user:u\($0)", [Int64($0) * 1_000_000_000, 0]) }
        let page = try #require(ParsedMarkup(Lines(Self.data(["11 Nov", "12 Nov"], series)).markup))
        #expect(page.marks(["line"]).map(\.cssClass) == (1...8).map { "line s\($0)" })
        #expect(page.marks(["line"]).first?.attributes["points"] == "214,192.25 538,216")
        let points = page.marks(["point"])
        #expect(points.count == 16)
        #expect(points.first?.attributes["data-tip"] == "11 Nov · user:u1 · 1.00 USD")
        #expect(points.first?.number("cy") == 192.25)
        #expect(
            page.all("desc").map(\.text) == [
                "11 Nov to 12 Nov: total 36.00 USD, maximum 8.00 USD (user:u8, 11 Nov)."
            ])
        #expect(Self.legend(page).count == 8)
    }

    // MARK: - Sparklines

    @Test("a sparkline goes from edge to edge")
    func sparkline() throws {
        let data = Self.data(["1 Nov", "2 Nov", "3 Nov"], [.init("a", [0, 2, 1]), .init("b", [0, 0, 1])])
        let page = try #require(ParsedMarkup(Sparkline(data).markup))
        #expect(page.all("polyline").map { $0.attributes["points"] } == ["0,22 60,2 120,2"])
        #expect(page.all("title").map(\.text) == ["Cost by day and provider"])
        let single = try #require(ParsedMarkup(Sparkline(Self.data(["1 Nov"], [.init("a", [7])])).markup))
        #expect(single.all("polyline").map { $0.attributes["points"] } == ["0,2 120,2"])
        let empty = try #require(ParsedMarkup(Sparkline(Self.data([], [])).markup))
        #expect(empty.all("desc").map(\.text) == ["no usage."])
    }

    // MARK: - All charts

    private static func all(of data: ChartData) -> [String] {
        [StackedBars(data).markup, Lines(data).markup, Sparkline(data).markup]
    }

    @Test("without usage there is an axis and a notice")
    func empty() throws {
        let columns = Self.days(30)
        for data in [Self.data(columns, []), Self.data(columns, [.init("a", [0])]), Self.data([], [])] {
            for markup in [StackedBars(data).markup, Lines(data).markup] {
                let page = try #require(ParsedMarkup(markup))
                #expect(page.marks(["empty"]).map(\.text) == ["No usage in this period"])
                #expect(page.marks(["base"]).count == 1)
                #expect(page.marks(["axis"]).first?.text == "0")
                #expect(page.elements.allSatisfy { $0.attributes["data-tip"] == nil })
                let range = columns.isEmpty || data.columns.isEmpty ? "" : "1 Jan to 30 Jan: "
                #expect(page.all("desc").map(\.text) == [range + "no usage."])
            }
        }
    }

    @Test("hostile names stay text")
    func hostile() throws {
        let series = Self.hostileNames.enumerated().map { index, name in ChartData.Series(name, [Int64(index) + 1, 5]) }
        let columns = [Self.hostileNames[0], Self.hostileNames[1]]
        for start in stride(from: 0, to: series.count, by: 7) {
            var data = Self.data(columns, Array(series[start...].prefix(8)))
            data.title = Self.hostileNames[2]
            data.unit = .count(Self.hostileNames[1])
            for markup in Self.all(of: data) {
                let page = try #require(ParsedMarkup(markup))
                Self.expectOnlyKnownMarkup(page)
                #expect(page.all("title").first?.text == Self.hostileNames[2])
                if start == 0, !page.all("li").isEmpty {
                    #expect(page.childText("bdi") { _ in true }.contains(Self.hostileNames[0]))
                }
            }
        }
    }

    @Test("random charts are well-formed, within their bounds, the same each time, and add up")
    func randomCharts() throws {
        var random = SeededGenerator(seed: 41)
        for round in 0..<60 {
            let columns = Self.days(Int.random(in: 1...40, using: &random))
            let bound = Int64(1) << Int64.random(in: 0...62, using: &random)
            let series = (0..<Int.random(in: 0...12, using: &random)).map { number in
                let values = columns.map { _ in
                    Int.random(in: 0..<4, using: &random) == 0 ? 0 : Int64.random(in: 0...bound, using: &random)
                }
                return ChartData.Series("p\(number)", values, isOther: number == 11)
            }
            let data = Self.data(columns, series)
            for (markup, again) in zip(Self.all(of: data), Self.all(of: data)) {
                #expect(markup == again)
                let page = try #require(ParsedMarkup(markup), "round \(round)")
                Self.expectOnlyKnownMarkup(page)
                Self.expectInBounds(page)
            }
            let sum = series.reduce(Int128(0)) { $0 + $1.values.reduce(Int128(0)) { $0 + Int128($1) } }
            #expect(data.stacked.reduce(Int128(0)) { $0 + $1.total } == sum)
            let page = try #require(ParsedMarkup(StackedBars(data).markup))
            Self.expectBarsAddUp(page)
        }
    }

    /// Expects only known elements and attributes, no styles, and a tip that is also a title on each mark.
    private static func expectOnlyKnownMarkup(_ page: ParsedMarkup) {
        let names: Set<String> = [
            "figure", "svg", "title", "desc", "rect", "line", "polyline", "circle", "text", "ul", "li", "bdi", "span",
        ]
        let attributes: Set<String> = [
            "class", "role", "viewBox", "aria-labelledby", "aria-hidden", "id", "data-tip", "x", "y", "x1", "y1", "x2",
            "y2", "cx", "cy", "r", "width", "height", "points", "fill", "pointer-events", "text-anchor", "title",
        ]
        #expect(Set(page.elements.map(\.name)).isSubset(of: names))
        #expect(Set(page.elements.flatMap(\.attributes.keys)).isSubset(of: attributes))
        #expect(Set(page.elements.compactMap { $0.attributes["fill"] }).isSubset(of: ["none"]))
        let ids = page.elements.compactMap { $0.attributes["id"] }
        #expect(page.all("svg").first?.attributes["aria-labelledby"] == ids.joined(separator: " "))
        #expect(ids == ["cost-title", "cost-desc"])
        for (index, element) in page.elements.enumerated()
        where ["rect", "polyline", "circle"].contains(element.name) && !isInSparkline(element, page) {
            let titles = page.elements.filter { $0.parent == index && $0.name == "title" }.map(\.text)
            #expect(titles == [element.attributes["data-tip"] ?? ""])
            #expect(!(titles.first ?? "").isEmpty)
        }
    }

    /// Whether an element is part of a sparkline, which has no tips.
    private static func isInSparkline(_ element: ParsedMarkup.Element, _ page: ParsedMarkup) -> Bool {
        element.parent.map { page.elements[$0].cssClass == "sparkline" } ?? false
    }

    private static func expectInBounds(_ page: ParsedMarkup) {
        for element in page.elements {
            let horizontal = ["x", "x1", "x2", "cx"].compactMap(element.number)
            let vertical = ["y", "y1", "y2", "cy"].compactMap(element.number)
            #expect(horizontal.allSatisfy { (0...720).contains($0) })
            #expect(vertical.allSatisfy { (0...240).contains($0) })
            if let x = element.number("x"), let width = element.number("width") { #expect(x + width <= 720) }
            if let y = element.number("y"), let height = element.number("height") { #expect(y + height <= 216.001) }
        }
    }

    /// Expects the parts of each bar to stand on each other, without gaps, from the base line.
    private static func expectBarsAddUp(_ page: ParsedMarkup) {
        let marks = page.all("rect").filter { parts.contains($0.cssClass) }
        for (_, bar) in Dictionary(grouping: marks, by: { $0.attributes["x"] ?? "" }) {
            var lower = 216.0
            for part in bar {
                let (y, height) = (part.number("y") ?? 0, part.number("height") ?? 0)
                #expect(abs(y + height - lower) < 0.001)
                lower = y
            }
            #expect(lower >= 26)
        }
    }
}
