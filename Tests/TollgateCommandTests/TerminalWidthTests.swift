import Foundation
import Testing
import TollgateAdmin
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

@testable import tollgate

/// Output that fits a terminal of 80 columns, and is complete elsewhere.
@Suite struct TerminalWidthTests {
    private static let terminal = Terminal(columns: 80, isUTF8: true, hasColour: false)

    private func json(_ text: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    /// Checks that the text fits, and returns its lines.
    private func lines(_ text: String) -> [String] {
        let lines = text.components(separatedBy: "\n")
        for line in lines { #expect(TerminalWidth.of(line) <= 80, "\(line)") }
        return lines
    }

    private static let receivers = """
        {"items":[
          {"name":"finance-webhook-production","type":"alertmanager","to":"alertmanager.monitoring.example.com:9093",
           "kinds":["user","tenant"],"meters":["cost"],"severities":["critical"],"unread":123456,"pending":1234,
           "failing_count":12,"dead_lettered_count":3,"outage":{"since":"2026-11-20T18:20:31Z"},
           "failing":[{"id":"1795219201123-0","alert":"mi8x3k2p-1b0q6y0c3v5xk","event":"acknowledged","attempts":17,
             "first_at":"2026-11-20T18:20:31Z","next_at":"2026-11-20T19:20:31Z",
             "last_error":"connection to alertmanager.monitoring.example.com:9093 was refused"}],
           "dead_lettered":[{"id":"1795219201124-0","alert":"mi8x3k2p-1b0q6y0c3v5xk","event":"opened","attempts":100,
             "first_at":"2026-11-20T18:20:31Z","reason":"status 400: the body is not one that this receiver takes"}]}]}
        """

    @Test("deliveries")
    func deliveries() throws {
        let answer = try json(Self.receivers)
        let shown = lines(AdminText.deliveries(answer, on: Self.terminal))
        #expect(shown[1].contains(" 12             3  11-20 18:20Z"), "\(shown)")
        #expect(shown[4].contains("  mi8x3k2p-1b0q6y0c3v5xk  ") && shown[4].contains("11-20 19:20Z"), "\(shown)")
        #expect(shown[5].contains("dead letter"), "\(shown)")
        let whole = AdminText.deliveries(answer)
        for part in ["alertmanager.monitoring.example.com:9093  user tenant cost critical", "2026-11-20T19:20:31Z"] {
            #expect(whole.contains(part), "\(whole)")
        }
    }

    @Test("keys, whose commands are never cut")
    func keys() throws {
        func listing(_ id: String) throws -> ScopeListing {
            let scope = try Scope(parsing: "user:\(id)")
            let keys = KeySpace(namespace: "tollgate").listing(of: scope, day: "2026-11-29", month: "2026-11")
            return ScopeListing(
                scope: scope.description, partition: nil, keys: keys.map { ScopeListing.Key($0, ["redis-cli"]) })
        }
        let shown = lines(try listing("erin").text(on: Self.terminal))
        #expect(shown[1] == "counters, the sum of open reservations, alerts, usage of the running day")
        #expect(shown[2] == "  redis-cli HGETALL tollgate:user:erin")
        let long = String(repeating: "e", count: 100)
        #expect(try listing(long).text(on: Self.terminal).contains("\n  redis-cli HGETALL tollgate:user:\(long)\n"))
        let whole = try listing("erin").text(on: Terminal(window: nil, environment: [:]))
        #expect(whole.contains("running day  redis-cli HGETALL tollgate:user:erin\n"))
    }

    @Test("descriptions of tiers")
    func tiers() throws {
        let text = String(repeating: "for sponsors of the project ", count: 8)
        let answer = try json(
            #"{"items":[{"id":"gold","description":"\#(text)","limits":{"requests":{"1m":60,"1h":600,"day":6000}},"origin":"admin","version":7}]}"#
        )
        let shown = lines(AdminText.tiers(answer, on: Self.terminal))
        #expect(shown.count > 5 && shown[3].hasPrefix("gold: for sponsors") && shown[4].hasPrefix("  "), "\(shown)")
        #expect(AdminText.tiers(answer).hasSuffix("\ngold: \(text)"))
    }

    @Test("the lines of a user above the table")
    func user() throws {
        let reason = String(repeating: "a deadline of the faculty ", count: 6)
        let answer = try json(
            """
            {"user":"alice","scope":"user:alice","tier":{"id":"premium","name":"\(reason)","origin":"admin","via":"role:Faculty","priority":200},
             "candidates":[],"skipped":[],"limits":[],
             "override":{"limits":{"requests":{"1m":100}},"add":{"cost/month":"50"},"expires_at":"2026-11-22T10:00:00Z","reason":"\(reason)"},
             "calendar":{"timezone":"America/Argentina/ComodRivadavia","reset_hour":6,"billing_day":15}}
            """)
        let shown = lines(AdminText.user(answer, on: Self.terminal))
        #expect(shown[2].hasPrefix("          ") && !shown[2].hasSuffix("…"), "\(shown)")
        #expect(AdminText.user(answer).contains("until 2026-11-22T10:00:00Z: \(reason)\n"))
    }

    @Test("a plan of policy apply")
    func plan() throws {
        let settings = try SettingsInForce(
            policy: try json(#"{"defaults":{},"scopes":{},"tiers":[]}"#), assignments: [], limits: [], overrides: [])
        let yaml = """
            tiers: { gold: { description: "\(String(repeating: "for sponsors ", count: 9))", limits: { requests: { 1m: 60 } } } }
            """
        let plan = try PolicyPlan(try Policy(wholeFile: yaml, file: "f.yaml"), keys: ["tiers"], now: settings)
        let shown = lines(plan.text(on: Self.terminal))
        #expect(shown[0].hasPrefix("tier gold added: ") && shown[1].hasPrefix("    "), "\(shown)")
        #expect(!plan.text(on: Terminal(window: nil, environment: [:])).contains("\n"))
    }

    @Test("a long word is divided, and nothing is lost", arguments: ["x", "é", "東"])
    func longWords(character: String) {
        let word = String(repeating: character, count: 150)
        let shown = lines(Self.terminal.wrapped("subject \(word) and more", indent: 4).joined(separator: "\n"))
        #expect(shown.joined().filter { $0 != " " } == "subject\(word)andmore")
        #expect(shown.dropFirst().allSatisfy { $0.hasPrefix("    ") })
    }

    @Test("an indent beyond the width is shortened, and wide characters advance", arguments: [1, 2, 40])
    func deepIndents(columns: Int) {
        let terminal = Terminal(columns: columns, isUTF8: true, hasColour: false)
        let text = String(repeating: "東x ", count: 40)
        let shown = terminal.wrapped(text, indent: 60)
        #expect(shown.joined().filter { $0 != " " } == text.filter { $0 != " " })
        #expect(shown.count < 200)
    }

    @Test("limit set shows thresholds where administrators have set some")
    func thresholds() throws {
        let answer = try json(
            """
            {"scope":"tool:a","limits":{"requests":{"1m":{"max":5,"thresholds":[80,95]},"1h":{"max":9,"thresholds":[]},"day":7},"concurrent":2},
             "effective":[{"limit":"requests/1m","max":5,"mode":"enforce","source":"scope","origin":"admin"},
              {"limit":"requests/1h","max":9,"mode":"enforce","source":"scope","origin":"admin"},
              {"limit":"requests/day","max":7,"mode":"enforce","source":"scope","origin":"admin"},
              {"limit":"concurrent","max":2,"mode":"enforce","source":"scope","origin":"admin"}]}
            """)
        #expect(
            AdminText.effectiveLimits(answer, on: Self.terminal) == """
                limit         max  mode     thresholds  source  origin
                requests/1m     5  enforce  80 95       scope   admin
                requests/1h     9  enforce  none        scope   admin
                requests/day    7  enforce  -           scope   admin
                concurrent      2  enforce  -           scope   admin
                """)
    }
}
