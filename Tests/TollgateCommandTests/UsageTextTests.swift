import Foundation
import Testing
import TollgateAdmin

@testable import tollgate

@Suite("Usage at a terminal")
struct UsageTextTests {
    private static let terminal = Terminal(columns: 80, isUTF8: true, hasColour: true)

    private func json(_ text: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    private func limit(
        _ name: String, _ max: String, _ used: String, _ percent: String, mode: String = "enforce"
    ) -> String {
        #"{"limit":"\#(name)","max":\#(max),"used":\#(used),"held":0,"remaining":0,"percent":\#(percent),"resets_at":null,"mode":"\#(mode)","source":"defaults"}"#
    }

    @Test("a scope's limits are a table, with shadow limits marked")
    func scope() throws {
        let answer = try json(
            """
            {"scope":"user:alice","limits":[
              {"limit":"requests/1m","max":60,"used":57,"held":0,"remaining":3,"percent":95,"resets_at":null,"mode":"enforce","source":"defaults"},
              {"limit":"cost/month","max":"550","used":"12.5","held":"1.25","remaining":"536.25","percent":2.5,
               "resets_at":"2026-12-15T05:00:00Z","mode":"shadow","source":"tier:gold via default"},
              {"limit":"tokens/total","max":null,"used":7,"held":0,"remaining":null,"percent":null,"resets_at":null,"mode":"enforce","source":"scope"}]}
            """)
        #expect(
            UsageText.scope(answer, on: nil) == """
                user:alice

                limit                used  held        max  remaining    %  resets UTC   source
                requests/1m            57     0         60          3   95  -            defaults
                cost/month (shadow)  12.5  1.25        550     536.25  2.5  12-15 05:00  tier:gold via default
                tokens/total            7     0  unlimited          -    -  -            scope
                """)
        #expect(UsageText.scope(try json(#"{"scope":"user:a","limits":[]}"#), on: nil) == "user:a: no limits")
    }

    @Test(
        "limits are amber from 80 % and red from 100 %, only with colours",
        arguments: [
            ("79.9", "9", "79.9", nil), ("80", "9", "80", 33), ("99.9", "9", "99.9", 33), ("100", "9", "100", 31),
            ("120.5", "9", "120.5", 31), ("null", "0", "blocked", 31), ("null", "null", "-", nil),
        ] as [(String, String, String, Int?)])
    func colours(percent: String, max: String, shown: String, code: Int?) throws {
        let items = try json("[\(limit("requests/1m", max, "5", percent))]").array
        let plain = UsageText.table(items, on: Terminal(columns: 80, isUTF8: true, hasColour: false))
        let row = try #require(plain.split(separator: "\n").last)
        #expect(row.split(separator: " ").contains(Substring(shown)), "\(row)")
        #expect(!plain.contains("\u{1b}"))
        let coloured = UsageText.table(items, on: Self.terminal)
        #expect(coloured.hasSuffix(code.map { "\u{1b}[\($0)m\(row)\u{1b}[0m" } ?? String(row)))
    }

    @Test("a kind's scopes have the usage of today and their most used limit")
    func scopes() throws {
        let limits = "[\(limit("requests/1m", "60", "6", "10")),\(limit("cost/month", "\"10\"", "\"8.5\"", "85"))]"
        let answer = try json(
            """
            {"items":[
              {"scope":"tenant:acme","last_seen":"2026-11-21T15:46:34Z","limits":\(limits),"today":{"requests":12,"tokens":4711,"cost":"2.5"}},
              {"scope":"tenant:b","last_seen":"2026-11-20T15:46:34Z","limits":[],"today":{"requests":0,"tokens":0,"cost":"0"}}],"next":"x"}
            """)
        #expect(
            UsageText.scopes(answer, on: nil) == """
                usage of today

                scope        requests  tokens  cost  most used    %  last seen UTC
                tenant:acme        12    4711  2.50  cost/month  85  11-21 15:46
                tenant:b            0       0  0.00  -            -  11-20 15:46
                and more: see --limit
                """)
        let bare = try json(
            #"{"items":[{"scope":"run:1","last_seen":"2026-11-21T15:46:34Z","limits":[],"today":null}],"next":null}"#)
        #expect(
            UsageText.scopes(bare, on: nil) == """
                scope  most used  %  last seen UTC
                run:1  -          -  11-21 15:46
                """)
        #expect(UsageText.scopes(try json(#"{"items":[],"next":null}"#), on: nil) == "no scopes seen")
        // The list has no decimals of the policy, which may be 0.
        let whole = try json(
            #"{"items":[{"scope":"run:1","last_seen":"2026-11-21T15:46:34Z","limits":[],"today":{"requests":1,"tokens":2,"cost":"3"}}],"next":null}"#
        )
        #expect(UsageText.scopes(whole, on: nil).contains("\nrun:1         1       2     3  "))
    }

    @Test("at a terminal, long ids are cut in the middle and lines fit; in a pipe they are whole")
    func fits() throws {
        let id = "user:" + String(repeating: "long-", count: 20) + "end"
        let items = #"[{"scope":"\#(id)","last_seen":"2026-11-21T15:46:34Z","limits":[],"today":null}]"#
        let answer = try json(#"{"items":\#(items),"next":null}"#)
        for columns in [60, 80] {
            let terminal = Terminal(columns: columns, isUTF8: true, hasColour: false)
            let row = try #require(UsageText.scopes(answer, on: terminal).split(separator: "\n").last)
            #expect(TerminalWidth.of(String(row)) <= columns)
            #expect(row.hasPrefix("user:long-") && row.contains("…") && row.contains("end  -"), "\(row)")
        }
        let pipe = Terminal(window: nil, environment: ["LANG": "C.UTF-8", "COLUMNS": "60"])
        #expect(UsageText.scopes(answer, on: pipe).contains(id))
    }
}

@Suite("Tables")
struct TableTests {
    @Test("the widest texts are cut first, and amounts and whole columns never")
    func widths() {
        var table = Table(["scope", "id", "reason", "used"], amounts: ["used"], whole: ["id"])
        table.add(["user:abcdefghijklmnop", "0123456789abcdef", "because of that", "123456789"])
        let text = table.text(on: Terminal(columns: 52, isUTF8: false, hasColour: false))
        #expect(
            text == """
                scope       id                reason            used
                user:~mnop  0123456789abcdef  becau~ that  123456789
                """)
        #expect(table.text.contains("user:abcdefghijklmnop  0123456789abcdef  because of that  123456789"))
    }

    @Test("columns that a narrow terminal has no room for are left out in their order, and a pipe has all")
    func optional() {
        var table = Table(
            ["opened", "scope", "used", "id"], amounts: ["used"], whole: ["opened", "id"],
            optional: ["used", "opened"])
        table.add(["2026-11-20T18:20:03Z", "user:alice", "951", "mi8x3k2p-1b0q6y0c3v5xk"], colour: 31)
        func heading(_ columns: Int) -> [Substring] {
            let lines = table.text(on: Terminal(columns: columns, isUTF8: true, hasColour: false)).split(
                separator: "\n")
            for line in lines { #expect(TerminalWidth.of(String(line)) <= columns) }
            return lines[0].split(separator: " ")
        }
        #expect(heading(80) == ["opened", "scope", "used", "id"])
        #expect(heading(56) == ["opened", "scope", "id"])
        #expect(heading(40) == ["scope", "id"])
        #expect(table.text.split(separator: "\n")[0].split(separator: " ").count == 4)
    }

    @Test("alerts fit 80 columns at a terminal with their whole ids")
    func alerts() throws {
        let json = """
            {"items":[{"opened_at":"2026-11-20T18:20:03.123Z","severity":"critical","scope":"user:someone@example.com+tool:search",
             "meter":"tokens","period":"total","used":951000,"max":1000000,"percent":95.1,"state":"acknowledged",
             "id":"mi8x3k2p-1b0q6y0c3v5xk"}],"next":null}
            """
        let answer = try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8))
        let text = AdminText.alerts(answer, on: Terminal(columns: 80, isUTF8: true, hasColour: false))
        #expect(text.contains("mi8x3k2p-1b0q6y0c3v5xk") && text.contains("95.1"), "\(text)")
        for line in text.split(separator: "\n") { #expect(TerminalWidth.of(String(line)) <= 80, "\(line)") }
    }

    @Test("cutting keeps both ends, and counts wide characters twice", arguments: [1, 2, 5, 8, 9])
    func cutting(columns: Int) {
        let terminal = Terminal(columns: 80, isUTF8: true, hasColour: false)
        for text in ["abcdefghij", "東京東京東京", "ab"] {
            let cut = terminal.cut(text, to: columns)
            #expect(TerminalWidth.of(cut) <= columns)
            #expect(TerminalWidth.of(text) > columns || cut == text)
            #expect(columns < 5 || cut.first == text.first && cut.last == text.last)
        }
        #expect(terminal.cut("user:alice@example.com", to: 11) == "user:…e.com")
    }
}
