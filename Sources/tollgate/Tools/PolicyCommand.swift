import ArgumentParser
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateServer

/// The command `tollgate policy`.
struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Work with policy files.",
        subcommands: [PolicyCheck.self, PolicyExample.self, PolicyExportCommand.self, PolicyApply.self])
}

/// The command `tollgate policy example`.
struct PolicyExample: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "example", abstract: "Print the example policy.")

    func run() { print(ExamplePolicy.text, terminator: "") }
}

/// The command `tollgate policy check FILE`.
struct PolicyCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a policy file for errors.",
        discussion: "Exits 0 if the file is valid, even with warnings, and 2 if it is not."
    )

    @Argument(help: "The policy file.")
    var file = "tollgate.yaml"

    @Flag(help: "Print JSON, as the admin API does for /v1/policy/validate.")
    var json = false

    func run() throws {
        try EnvironmentNames.exitUnlessKnown()
        do {
            let policy = try PolicyFile(path: file).load()
            guard !json else { return print(try CanonicalJSON.text(PolicyVerdict(policy))) }
            for warning in policy.warnings { print("warning: \(warning)") }
            let limits = "\(count(policy.defaults.count, "kind")) and \(count(policy.scopes.count, "scope"))"
            let tiers = "\(count(policy.tiers.count, "tier")) and \(count(policy.assignments.count, "assignment"))"
            print("\(file): valid; limits for \(limits); \(tiers)")
        } catch {
            if json {
                let verdict = (error as? PolicyError).map(PolicyVerdict.init) ?? PolicyVerdict(unreadable: "\(error)")
                print(try CanonicalJSON.text(verdict))
            } else {
                StandardError.print("\(error)")
            }
            throw ExitCode(2)
        }
    }

    private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
