import ArgumentParser
import Foundation
import TollgateAdmin
import TollgateServer

/// The command `tollgate`.
@main
struct Tollgate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tollgate",
        abstract: "Shared rate limits and cost quotas for the processes of one host, kept in Redis.",
        version: Version.description,
        subcommands: [
            Serve.self, Check.self, Peek.self, Record.self, Refund.self, Reserve.self, Commit.self, Cancel.self,
            UsageCommand.self, StatusCommand.self, DoctorCommand.self, UpgradeCheckCommand.self, Ping.self,
            PolicyCommand.self, PricesCommand.self, KeysCommand.self,
            BenchCommand.self,
            VersionCommand.self,
        ],
        groupedSubcommands: [
            CommandGroup(
                name: "Administration",
                subcommands: [
                    TierCommand.self, Assign.self, Unassign.self, Assignments.self, LimitCommand.self,
                    OverrideCommand.self, Overrides.self, Reset.self, Who.self, ReportCommand.self, AccountCommand.self,
                    Alerts.self,
                    AlertCommand.self, Events.self, Deliveries.self,
                    ReservationsCommand.self, Audit.self, SidecarsCommand.self, DashboardCommand.self,
                    LogLevelCommand.self,
                ])
        ]
    )
}

/// The command `tollgate version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    @Flag(help: "Print JSON.")
    var json = false

    func run() {
        guard json else { return print("tollgate \(Version.description)") }
        var members: [String: JSONValue] = ["version": .string(Version.current)]
        members["commit"] = Version.commit.map { .string($0) }
        print(JSONValue.object(members).json)
    }
}

/// Errors on standard error.
enum StandardError {
    static func print(_ sentence: String) {
        prompt("\(sentence)\n")
    }

    /// Prints text without a line end.
    static func prompt(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }
}
