import Foundation
import Testing
import TollgateTestSupport

/// scripts/make-manual: the manual page that the Debian package contains.
@Suite(.enabled(if: Python.isThere, "needs Python")) struct ManualTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    @Test("the manual has a section for every command, with its arguments")
    func sections() async throws {
        let manual = try await Command.run(
            "\(Self.root)/scripts/make-manual", [SidecarProcess.program, "--date", "2026-12-01"])
        #expect(manual.status == 0, "\(manual.errors)")
        let lines = manual.output.components(separatedBy: "\n")
        #expect(lines[0].hasPrefix(#".TH TOLLGATE 1 "2026-12-01" "tollgate "#), "\(lines[0])")
        #expect(lines.contains { $0.hasPrefix(#"tollgate \- shared rate limits and cost quotas "#) })

        let help = try await Command.run(SidecarProcess.program, ["--experimental-dump-help"])
        let dump = try JSONDecoder().decode(Dump.self, from: Data(help.output.utf8))
        let commands = dump.command.subcommands?.flatMap { $0.paths() } ?? []
        #expect(commands.count > 50)
        let titles = lines.filter { $0.hasPrefix(".SS ") }.map { String($0.dropFirst(4)).replacing("\\-", with: "-") }
        #expect(titles == commands)

        let set = try #require(manual.output.components(separatedBy: "\n.SS ").first { $0.hasPrefix("limit set\n") })
        #expect(set.contains("\n\\fBtollgate limit set\\fR "), "\(set)")
        #expect(set.contains("\n.TP\n\\fB\\-\\-admin\\fR \\fIaddress\\fR\n"), "\(set)")
        // No text is taken for a request of roff, and none is beyond ASCII.
        let requests: Set = [".TH", ".nh", ".ad", ".SH", ".SS", ".PP", ".TP"]
        for line in lines {
            #expect(line.utf8.allSatisfy { $0 < 128 }, "\(line)")
            if line.hasPrefix(".") || line.hasPrefix("'") {
                #expect(requests.contains(String(line.prefix { $0 != " " })), "\(line)")
            }
        }
    }

    /// The help of all commands.
    private struct Dump: Decodable {
        var command: Subject
    }

    private struct Subject: Decodable {
        var commandName: String
        var subcommands: [Subject]?

        /// The words of this command and of those below it.
        func paths() -> [String] {
            [commandName] + (subcommands ?? []).flatMap { $0.paths() }.map { "\(commandName) \($0)" }
        }
    }
}
