import ArgumentParser
import TollgatePolicy

/// The command `tollgate policy export`.
struct PolicyExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Print what administrators have set through the admin API, as a policy file.",
        discussion: "Overrides are printed as comments. tollgate policy apply sets the rest again.")
    @OptionGroup var options: AdminOptions

    @Flag(help: "Include the sidecar's own policy file, so that the output can replace it.")
    var all = false

    func run() async throws {
        do {
            let settings = try await options.withClient { try await SettingsInForce($0) }
            let export = try PolicyExport(settings, includesFile: all)
            let text = options.json ? try export.json() + "\n" : try export.yaml()
            print(text, terminator: "")
            if text.utf8.count > TextFile.maxSize {
                StandardError.print("warning: larger than 1 MiB, the maximum size of a policy file")
            }
        } catch {
            StandardError.print("\(error)")
            throw ExitCode(2)
        }
    }
}
