import Foundation
import Testing
import TollgateAdmin
import TollgateCore

@testable import TollgateStores
@testable import tollgate

@Suite("Text output of reports")
struct ReportTextTests {
    private func json(_ text: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    private static func numbers(_ requests: Int, _ tokens: Int, _ cost: String) -> String {
        #""requests":\#(requests),"calls":\#(requests),"denied":0,"would_deny":0,"tokens":\#(tokens),"input_tokens":0,"output_tokens":\#(tokens),"cost":"\#(cost)""#
    }

    private func report(
        _ days: String, total: String, by: String = "null", scope: String = #"user:a\u001b[2Jb"#,
        retainedFrom: String = "2026-10-01"
    ) throws -> JSONValue {
        try json(
            #"{"scope":"\#(scope)","currency":"EUR","timezone":"Europe/Berlin","by":\#(by),"from":"2026-11-20","to":"2026-11-21","kept_from":"\#(retainedFrom)","days":[\#(days)],"total":{\#(total)}}"#
        )
    }

    private func plain(retainedFrom: String = "2026-10-01") throws -> JSONValue {
        try report(
            #"{"day":"2026-11-20",\#(Self.numbers(12, 1_200, "1.25"))},{"day":"2026-11-21",\#(Self.numbers(0, 0, "0"))}"#,
            total: Self.numbers(12, 1_200, "1.25"), retainedFrom: retainedFrom)
    }

    @Test("a table has one line per day with aligned amounts, and totals")
    func table() throws {
        #expect(
            ReportText(answer: try plain(), unit: "day").table == """
                scope     user:a?[2Jb
                days      2026-11-20 to 2026-11-21, Europe/Berlin
                currency  EUR

                day         requests  calls  denied  tokens  input  output  cost
                2026-11-20        12     12       0    1200      0    1200  1.25
                2026-11-21         0      0       0       0      0       0  0.00
                ----------  --------  -----  ------  ------  -----  ------  ----
                total             12     12       0    1200      0    1200  1.25
                """)
    }

    private func split(scope: String = "user:a") throws -> JSONValue {
        let openai = #"{"provider":"openai","is_other":false,\#(Self.numbers(10, 5, "1.000000001"))}"#
        let other = #"{"provider":"other","is_other":true,\#(Self.numbers(1, 0, "0.2"))}"#
        let unnamed = #"{"provider":null,"is_other":false,\#(Self.numbers(0, 0, "0.05"))}"#
        let odd = #"{"provider":"a\u202eb","is_other":false,\#(Self.numbers(1, 0, "3"))}"#
        let days = [
            #"{"day":"2026-11-19",\#(Self.numbers(0, 0, "0")),"by":[]}"#,
            #"{"day":"2026-11-20",\#(Self.numbers(11, 5, "1.250000001")),"by":[\#(openai),\#(other),\#(unnamed)]}"#,
            #"{"day":"2026-11-21",\#(Self.numbers(1, 0, "3")),"by":[\#(odd)]}"#,
        ]
        return try report(
            days.joined(separator: ","),
            total: #"\#(Self.numbers(12, 5, "4.250000001")),"by":[\#(odd),\#(openai),\#(other),\#(unnamed)]"#,
            by: #""provider""#, scope: scope)
    }

    @Test("a split table has one line per part, a dash for unlabelled usage, and no columns of zeros if it is wide")
    func splitTable() throws {
        let lines = ReportText(answer: try split(), unit: "day").table.components(separatedBy: "\n")
        #expect(
            lines.dropFirst(4).joined(separator: "\n") == """
                day         provider  requests  calls  tokens  output         cost
                2026-11-19  -                0      0       0       0  0.000000000
                2026-11-20  openai          10     10       5       5  1.000000001
                            (other)          1      1       0       0  0.200000000
                            -                0      0       0       0  0.050000000
                2026-11-21  a?b              1      1       0       0  3.000000000
                ----------  --------  --------  -----  ------  ------  -----------
                all days    a?b              1      1       0       0  3.000000000
                            openai          10     10       5       5  1.000000001
                            (other)          1      1       0       0  0.200000000
                            -                0      0       0       0  0.050000000
                total                       12     12       5       5  4.250000001
                """)
    }

    private func busy(wouldDeny: Int) throws -> [Substring] {
        func day(_ id: String, wouldDeny: Int) -> String {
            #""day":"\#(id)","requests":123456,"calls":12345,"denied":1234,"would_deny":\#(wouldDeny),"#
                + #""tokens":12345678,"input_tokens":10345678,"output_tokens":2000000,"cost":"1234.5678""#
        }
        let days = "{\(day("2026-11-20", wouldDeny: wouldDeny))},{\(day("2026-11-21", wouldDeny: 0))}"
        let answer = try report(days, total: day("", wouldDeny: wouldDeny), scope: "user:a")
        return ReportText(answer: answer, unit: "day").table.split(separator: "\n")
    }

    @Test("would_deny has a column if it is not zero, and input and output none where 80 columns are too few")
    func shadowColumn() throws {
        let (without, with) = (try busy(wouldDeny: 0), try busy(wouldDeny: 17))
        #expect(without[3] == "day         requests  calls  denied    tokens     input   output       cost")
        #expect(with[3] == "columns   without input and output, to fit 80 columns; --csv has them")
        #expect(with[4] == "day         requests  calls  denied  would_deny    tokens       cost")
        #expect(with[5] == "2026-11-20    123456  12345    1234          17  12345678  1234.5678")
        #expect((without + with).allSatisfy { $0.count <= 80 })
    }

    @Test("a chart has bars of one meter, and none for a day without usage")
    func chart() throws {
        let terminal = Terminal(columns: 40, isUTF8: true, hasColour: false)
        #expect(
            ReportText(answer: try plain(), unit: "day").chart(of: .cost, on: terminal) == """
                scope     user:a?[2Jb
                days      2026-11-20 to 2026-11-21,
                          Europe/Berlin
                cost      1.25 in all
                currency  EUR

                2026-11-20  1.25  ██████████████████████
                2026-11-21  0.00
                """)
        #expect(
            ReportText(answer: try plain(), unit: "day").chart(of: .outputTokens, on: terminal).contains(
                """
                output tokens 1200 in all

                2026-11-20  1200  ██████████████████████
                """))
    }

    @Test("bars of a split report have segments for the largest parts, and one for the others")
    func stackedChart() throws {
        let terminal = Terminal(columns: 60, isUTF8: true, hasColour: false)
        let text = ReportText(answer: try split(), unit: "day").chart(of: .cost, on: terminal)
        let lines = text.components(separatedBy: "\n")
        #expect(lines[5] == "█ a?b 3.00   ▓ openai 1.000000001   ▒ (other) 0.20")
        #expect(lines[6] == "░ - 0.05")
        #expect(lines[8] == "2026-11-19  0.000000000")
        #expect(lines[9] == "2026-11-20  1.250000001  ▓▓▓▓▓▓▓▓▓▓▓▓▒▒░")
        #expect(lines[10] == "2026-11-21  3.000000000  \(String(repeating: "█", count: 35))")
    }

    @Test("tables and charts note the first retained day")
    func notKept() throws {
        let terminal = Terminal(columns: 60, isUTF8: true, hasColour: false)
        func texts(retainedFrom first: String) throws -> [String] {
            let report = ReportText(answer: try plain(retainedFrom: first), unit: "day")
            return [report.table, report.chart(of: .cost, on: terminal)]
        }
        for text in try texts(retainedFrom: "2026-11-21") {
            #expect(text.contains("Europe/Berlin\nhistory   starts at 2026-11-21\nc"), "\(text)")
        }
        for text in try texts(retainedFrom: "2026-11-20") { #expect(!text.contains("history"), "\(text)") }
    }

    @Test("tables and charts note if days depend on role or email")
    func dependingOnTraits() throws {
        let terminal = Terminal(columns: 100, isUTF8: true, hasColour: false)
        func texts(_ depends: JSONValue) throws -> [String] {
            guard case .object(var members) = try plain() else { return [] }
            members["depends_on_role_or_email"] = depends
            let report = ReportText(answer: .object(members), unit: "day")
            return [report.table, report.chart(of: .cost, on: terminal)]
        }
        let line = "Europe/Berlin\ncalendar  depends on the user's roles or email address: see --role and --email\nc"
        #expect(try texts(.bool(true)).map { $0.contains(line) } == [true, true])
        #expect(try texts(.bool(false)).map { $0.contains("calendar") } == [false, false])
    }

    @Test("a chart fits the terminal for any scope names")
    func width() throws {
        let terminal = Terminal(columns: 60, isUTF8: true, hasColour: false)
        let long = "user:" + String(repeating: "東京x", count: 40)
        let item = #"{"rank":1,"scope":"\#(long)",\#(Self.numbers(3, 1, "12.5"))}"#
        let ranking = try json(
            #"{"kind":"user","meter":"cost","day":"2026-11-20","timezone":"UTC","currency":"USD","items":[\#(item)]}"#)
        for text in [
            ReportText(answer: try split(scope: long), unit: "day").chart(of: .cost, on: terminal),
            RankingText(answer: ranking).chart(on: terminal),
        ] {
            #expect(text.split(separator: "\n").allSatisfy { TerminalWidth.of(String($0)) <= 60 }, "\(text)")
        }
    }

    @Test("a negative part is in the table, and shortens the bar of its row")
    func belowZero() throws {
        func row(_ day: String, _ openai: String, _ unnamed: String, _ total: String) -> String {
            let parts = [("\"openai\"", openai), ("null", unnamed)].map {
                #"{"provider":\#($0),"is_other":false,\#(Self.numbers(0, 0, $1))}"#
            }
            return #"{"day":"\#(day)",\#(Self.numbers(0, 0, total)),"by":[\#(parts.joined(separator: ","))]}"#
        }
        let days = [
            row("2026-11-19", "0", "1", "1"), row("2026-11-20", "2", "-0.25", "1.75"),
            row("2026-11-21", "2", "-2", "0"),
        ]
        let all = row("", "4", "-1.25", "2.75").dropFirst().dropLast()
        let report = ReportText(
            answer: try report(days.joined(separator: ","), total: String(all), by: #""provider""#), unit: "day")
        let lines = report.table.components(separatedBy: "\n")
        #expect(lines[7] == "2026-11-20  openai           0      0       0       0      0       0   2.00")
        #expect(lines[8] == "            -                0      0       0       0      0       0  -0.25")
        #expect(lines.last == "total                        0      0       0       0      0       0   2.75")
        let terminal = Terminal(columns: 60, isUTF8: true, hasColour: false)
        let chart = report.chart(of: .cost, on: terminal).components(separatedBy: "\n")
        #expect(
            chart.dropFirst(5) == [
                "█ openai 4.00   ▓ - -1.25", "", "2026-11-19  1.00  \(String(repeating: "▓", count: 24))",
                "2026-11-20  1.75  \(String(repeating: "█", count: 42))", "2026-11-21  0.00",
            ])
    }

    @Test("money has as many decimals in each row, at least two unless the policy has fewer")
    func decimals() throws {
        func column(_ texts: [String], _ decimals: JSONValue) -> [String] {
            ReportAmount.column(texts.map { .string($0) }, .cost, decimals: decimals)
        }
        #expect(column(["20", "0.5"], .integer(9)) == ["20.00", "0.50"])
        #expect(column(["20", "0.125"], .null) == ["20.000", "0.125"])
        #expect(column(["2500000000000000", "0"], .integer(0)) == ["2500000000000000", "0"])
        #expect(column(["20", "7"], .integer(1)) == ["20.0", "7.0"])
    }

    @Test("parts beyond the maximum are one segment")
    func others() throws {
        let parts = (1...6).map { #"{"tool":"t\#($0)","is_other":false,\#(Self.numbers($0, 0, "0.\($0)"))}"# }
        let total = try json(#"{"by":[\#(parts.joined(separator: ","))]}"#)
        let stack = ChartStack(rows: [total], dimension: "tool", meter: .cost, decimals: .null, max: 4)
        #expect(stack.legend.map(\.name) == ["t6", "t5", "t4", "3 others"])
        #expect(stack.legend.map(\.text) == ["0.60", "0.50", "0.40", "0.60"])
        #expect(stack.segments(of: total).map { ($0 * 10).rounded() } == [6, 5, 4, 6])
        let few = ChartStack(rows: [total], dimension: "tool", meter: .requests, decimals: .null, max: 6)
        #expect(few.legend.map(\.text) == ["6", "5", "4", "3", "2", "1"])
        #expect(few.segments(of: try json(#"{"by":[]}"#)) == [0, 0, 0, 0, 0, 0])
    }

    @Test("a label called other is distinct from the remainder, and null from an empty label")
    func names() throws {
        let parts = [
            #"{"tool":"other","is_other":false,\#(Self.numbers(3, 0, "3"))}"#,
            #"{"tool":"other","is_other":true,\#(Self.numbers(2, 0, "2"))}"#,
            #"{"tool":null,"is_other":false,\#(Self.numbers(1, 0, "1"))}"#,
        ]
        let total = try json(#"{"by":[\#(parts.joined(separator: ","))]}"#)
        let stack = ChartStack(rows: [total], dimension: "tool", meter: .cost, decimals: .null, max: 4)
        #expect(stack.legend.map(\.name) == ["other", "(other)", "-"])
        #expect(stack.segments(of: total) == [3, 2, 1])
    }

    @Test("a ranking is a table or bars, and an empty one says so")
    func ranking() throws {
        let items = [("user:alice", "12.5"), ("user:b\\u0007", "2")].enumerated().map { place, item in
            #"{"rank":\#(place + 1),"scope":"\#(item.0)",\#(Self.numbers(3, 1, item.1))}"#
        }
        func answer(_ items: [String]) throws -> RankingText {
            RankingText(
                answer: try json(
                    #"{"kind":"user","meter":"cost","day":"2026-11-20","timezone":"UTC","currency":"USD","items":[\#(items.joined(separator: ","))]}"#
                ))
        }
        let head = """
            kind      user
            day       2026-11-20, each scope's own day
            by        cost
            currency  USD


            """
        #expect(
            try answer(items).table == head + """
                rank  scope       requests  calls  denied  tokens  input  output   cost
                   1  user:alice         3      3       0       1      0       1  12.50
                   2  user:b?            3      3       0       1      0       1   2.00
                """)
        let terminal = Terminal(columns: 44, isUTF8: false, hasColour: false)
        #expect(
            try answer(items).chart(on: terminal) == head + """
                user:alice  12.50  #########################
                user:b?      2.00  ####
                """)
        #expect(try answer([]).table == head + "no usage")
        #expect(try answer([]).chart(on: terminal) == head + "no usage")
    }
}
