import ArgumentParser
import TollgateCore
import TollgatePolicy
import TollgateServer

/// The command `tollgate policy`.
struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Look after a policy file.", subcommands: [PolicyCheck.self])
}

/// The command `tollgate policy check FILE`.
struct PolicyCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say what is wrong with a policy file.",
        discussion: "Exits 0 when the file can be used (warnings or not) and 2 when it cannot."
    )

    @Argument(help: "The policy file.")
    var file = "tollgate.yaml"

    func run() throws {
        do {
            let policy = try PolicyFile(path: file).load()
            for warning in policy.warnings { print("warning: \(warning)") }
            let limits = "\(count(policy.defaults.count, "kind")) and \(count(policy.scopes.count, "scope"))"
            let tiers = "\(count(policy.tiers.count, "tier")) and \(count(policy.assignments.count, "assignment"))"
            print("\(file): good; limits for \(limits); \(tiers)")
        } catch {
            Failure.print("\(error)")
            throw ExitCode(2)
        }
    }

    private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
