import ArgumentParser
import TollgateCore
import TollgateServer

/// `tollgate policy`
struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Look after a policy file.", subcommands: [PolicyCheck.self])
}

/// `tollgate policy check FILE`
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
            let kinds = policy.defaults.count
            let scopes = policy.scopes.count
            print(
                "\(file): good; limits for \(kinds) kind\(kinds == 1 ? "" : "s") and \(scopes) scope\(scopes == 1 ? "" : "s")"
            )
        } catch {
            Failure.print("\(error)")
            throw ExitCode(2)
        }
    }
}
