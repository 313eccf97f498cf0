import Foundation
import Testing
import TollgateAdmin
import TollgateCore
import TollgateTestSupport

@testable import tollgate

/// The command `tollgate report` as a process, with a real sidecar.
@Suite struct ReportCommandTests {
    private let process: SidecarProcess
    private let redis: TestRedis

    init() async throws {
        redis = try TestRedis()
        process = try await SidecarProcess(
            policy: """
                currency: EUR
                timezone: America/New_York
                history: [user, provider]
                defaults: { user: { cost: { day: 1000 } } }
                """, arguments: ["--redis", "\(redis.address)", "--deadline", "10s"])
    }

    private func tollgate(_ words: String..., locale: String = "C.UTF-8") async throws -> Command {
        try await tollgate(words, locale: locale)
    }

    private func tollgate(_ words: [String], locale: String = "C.UTF-8") async throws -> Command {
        try await Command.run(
            SidecarProcess.program, words, workingFolder: process.folder.path,
            environment: [
                "TOLLGATE_ADMIN_CONNECT": "unix:\(process.adminSocketPath)", "LC_ALL": locale, "COLUMNS": "72",
            ])
    }

    /// Writes usage. March 8 is in the scope's hash, and not yet in the month's record.
    private func fill() throws {
        try redis.cli(
            "HSET", "tollgate:user:alice", "history", "2026-03-08 1773028800000 2026-03 1775016000000 1 0 0",
            "history/requests", "12", "history/cost", "1250000000", "history/cost/provider=openai", "1000000000",
            "history/requests/provider=openai", "12", "history/tokens", "900",
            "history/calls", "10", "history/calls/provider=openai", "10")
        try redis.cli("HSET", "tollgate:user:alice:month:2026-03", "cost", "500000000")
        try redis.cli("ZADD", "tollgate:top-scopes:user:cost:2026-03-08", "1250000000", "user:alice")
    }

    @Test("days are printed as a table, bars, CSV or JSON")
    func daily() async throws {
        try fill()
        let words = ["report", "daily", "user:alice", "--from", "2026-03-07", "--to", "2026-03-09"]
        func report(_ more: String..., locale: String = "C.UTF-8") async throws -> Command {
            try await Command.run(
                SidecarProcess.program, words + more, workingFolder: process.folder.path,
                environment: [
                    "TOLLGATE_ADMIN_CONNECT": "unix:\(process.adminSocketPath)", "LC_ALL": locale, "COLUMNS": "72",
                ])
        }
        let table = try await report("--by", "provider")
        let lines = table.output.components(separatedBy: "\n")
        #expect(
            lines.filter { !$0.hasPrefix("history ") }.joined(separator: "\n") == """
                scope     user:alice
                days      2026-03-07 to 2026-03-09, America/New_York
                currency  EUR

                day         provider  requests  calls  denied  tokens  input  output  cost
                2026-03-07  -                0      0       0       0      0       0  0.00
                2026-03-08  openai          12     10       0       0      0       0  1.00
                            -                0      0       0     900      0       0  0.25
                2026-03-09  -                0      0       0       0      0       0  0.00
                ----------  --------  --------  -----  ------  ------  -----  ------  ----
                all days    openai          12     10       0       0      0       0  1.00
                            -                0      0       0     900      0       0  0.25
                total                       12     10       0     900      0       0  1.25

                """, "\(table.errors)")
        let chart = try await report("--chart")
        #expect(chart.output.contains("\n2026-03-08  1.25  \(String(repeating: "█", count: 54))\n"), "\(chart.output)")
        let ascii = try await report("--chart", "--meter", "requests", locale: "C")
        #expect(ascii.output.contains("\n2026-03-08  12  \(String(repeating: "#", count: 56))\n"), "\(ascii.output)")
        #expect(!ascii.output.contains("\u{1b}"))
        let csv = try await report("--csv")
        #expect(csv.output.contains("2026-03-08,2026-03-08T05:00:00Z,2026-03-09T04:00:00Z,12,10,0,0,900,0,0,1.25\r\n"))
        let json = try await report("--json", "--by", "tool")
        #expect(json.output.hasPrefix(#"{"by":"tool","currency":"EUR","days":[{"#))
    }

    @Test("months and rankings are too, by default of the last 30 days or 12 months")
    func others() async throws {
        try fill()
        let month = try await tollgate("report", "monthly", "user:alice", "--from", "2026-03", "--to", "2026-03")
        #expect(
            month.output.contains("\n2026-03        12     10       0     900      0       0  1.75\n"),
            "\(month.output)")
        let top = try await tollgate("report", "top", "user", "--day", "2026-03-08")
        #expect(
            top.output.hasSuffix("   1  user:alice        12     10       0     900      0       0  1.25\n"),
            "\(top.output)")
        let bars = try await tollgate("report", "top", "user", "--day", "2026-03-08", "--chart", "--limit", "5")
        #expect(bars.output.contains("\nuser:alice  1.25  ██"))
        let days = try await tollgate("report", "daily", "user:alice", "--csv")
        #expect(days.output.split(separator: "\r\n").count == 31)
        let months = try await tollgate("report", "monthly", "user:alice", "--csv")
        #expect(months.output.split(separator: "\r\n").count == 13)
        let none = try await tollgate("report", "top", "provider", "--meter", "denied")
        #expect(none.output.hasSuffix("\nno usage\n"), "\(none.output)")
    }

    @Test("days beyond the retained history are noted, and a ranking of one is an error")
    func notKept() async throws {
        let table = try await tollgate("report", "daily", "user:alice", "--from", "2020-01-01", "--to", "2020-01-03")
        #expect(table.output.contains("\nhistory   starts at 2"), "\(table.output)")
        let usual = try await tollgate("report", "daily", "user:alice", "--chart")
        #expect(!usual.output.contains("history"), "\(usual.output)")
        let top = try await tollgate("report", "top", "user", "--day", "2020-01-01")
        #expect(top.status == 2)
        #expect(
            top.errors.hasPrefix("day: 2020-01-01 is no longer retained; the first retained day is 2"), "\(top.errors)")
    }

    @Test("just recorded usage is in the report")
    func recorded() async throws {
        let replies = try await process.client().ask([
            "RECORD user=bob provider=openai cost=2.5", "RECORD user=bob provider=anthropic cost=0.5",
        ])
        #expect(replies == ["OK", "OK"])
        let report = try await tollgate("report", "daily", "user:bob", "--by", "provider")
        let end = report.output.split(separator: "\n").suffix(3).map { $0.split(separator: " ").map(String.init) }
        #expect(end.map(\.last) == ["2.50", "0.50", "3.00"], "\(report.output)")
        let chart = try await tollgate("report", "daily", "user:bob", "--by", "provider", "--chart")
        #expect(chart.output.contains("\n█ openai 2.50   ▓ anthropic 0.50\n"), "\(chart.output)")
    }

    @Test("a refund without labels makes the unlabelled part negative, and parts add up")
    func givenBack() async throws {
        let replies = try await process.client().ask([
            "RECORD user=carol provider=openai cost=2", "REFUND user=carol cost=0.25", "USAGE scope=user:carol",
        ])
        #expect(replies.prefix(2) == ["OK", "OK"])
        #expect(replies[2].contains(#""used":"1.75""#), "\(replies[2])")
        for unit in ["daily", "monthly"] {
            let words = ["report", unit, "user:carol", "--by", "provider"]
            let json = try JSONDecoder().decode(
                JSONValue.self, from: Data(try await tollgate(words + ["--json"]).output.utf8))
            #expect(json["total"]["cost"].text == "1.75")
            let parts = json["total"]["by"].array
            #expect(parts.map(\.["provider"].string) == ["openai", nil])
            #expect(parts.map(\.["cost"].text) == ["2", "-0.25"])
            let csv = try await tollgate(words + ["--csv"])
            #expect(
                csv.output.split(separator: "\r\n").suffix(2).map { $0.split(separator: ",").suffix(10) } == [
                    ["openai", "false", "0", "1", "0", "0", "0", "0", "0", "2"],
                    ["-", "false", "0", "0", "0", "0", "0", "0", "0", "-0.25"],
                ], "\(csv.output)")
            let table = try await tollgate(words)
            let end = table.output.split(separator: "\n").suffix(3).map { $0.split(separator: " ").map(String.init) }
            #expect(end.map(\.last) == ["2.00", "-0.25", "1.75"], "\(table.output)")
            let chart = try await tollgate(words + ["--chart"])
            #expect(chart.output.contains("1.75 in all\n"), "\(chart.output)")
            #expect(chart.output.contains("\n█ openai 2.00\n"), "\(chart.output)")
            #expect(chart.output.hasSuffix("█\n"), "\(chart.output)")
        }
        let provider = try await tollgate(["report", "daily", "provider:openai", "--by", "provider"])
        #expect(
            provider.output.contains("\nall days    openai           0      1       0       0      0       0  2.00\n"))
    }

    @Test("a report has a longer timeout than other requests")
    func slow() async throws {
        process.signal(SIGSTOP)
        async let report = tollgate("report", "daily", "user:alice", "--csv", "--admin-timeout", "4s")
        let other = try await tollgate("tier", "list", "--admin-timeout", "4s")
        process.signal(SIGCONT)
        #expect(other.errors.contains("no response within 4 seconds"), "\(other.errors)")
        #expect(other.status == 2)
        let answer = try await report
        #expect(answer.status == 0, "\(answer.errors)")
        #expect(answer.output.hasPrefix("day,"))
    }

    @Test("an invalid timeout is an error that names the option", arguments: ["", "0s", "2h", "soon"])
    func badTimeout(_ text: String) async throws {
        let option = try await tollgate("report", "daily", "user:alice", "--admin-timeout", text)
        #expect(option.status == 2)
        #expect(
            option.errors
                == "--admin-timeout \(text): expected a duration from 1ms to 1h such as 500ms, 10s or 2m\n")
    }

    @Test("errors of the API exit with 2, and invalid arguments with 64")
    func errors() async throws {
        let kind = try await tollgate("report", "daily", "team:x")
        #expect(kind.status == 2)
        #expect(
            kind.errors
                == "scope: no history is retained for team; history: in the policy file lists provider, user\n"
        )
        let from = try await tollgate("report", "daily", "user:a", "--from", "2026-11-21", "--to", "2026-11-20")
        #expect(from.errors == "from: 2026-11-21 is after 2026-11-20\n")
        #expect(from.status == 2)
        for words in [
            ["daily", ""], ["daily", "user"], ["daily", "user:"], ["daily", "user:a", "--from", "2026-11-31"],
            ["daily", "user:a", "--to", "yesterday"], ["monthly", "user:a", "--from", "2026-13"], ["monthly", "user"],
            ["monthly", "user:a", "--to", "2026-11-20"], ["top", "User"], ["top", "user", "--day", "2026-13-01"],
            ["daily", "user:a", "--meter", "cost"], ["daily", "user:a", "--json", "--csv"],
            ["daily", "user:a", "--csv", "--chart"], ["daily", "user:a", "--by", "user"], ["top", ""],
            ["top", "user", "--limit", "0"], ["top", "user", "--meter", "input_tokens"],
            ["monthly", "user:a", "--role", "A,B"], ["top", "user", "--json", "--chart"],
        ] {
            let refused = try await Command.run(
                SidecarProcess.program, ["report"] + words, workingFolder: process.folder.path,
                environment: [
                    "TOLLGATE_ADMIN_CONNECT": "unix:/no/such.sock", "TOLLGATE_ADMIN_TOKEN": "0123456789abcdef",
                ])
            #expect(refused.status == 64, "\(words) \(refused.errors)")
            #expect(refused.errors.hasPrefix("Error: "), "\(words) \(refused.errors)")
        }
    }
}
