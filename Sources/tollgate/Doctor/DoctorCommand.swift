import ArgumentParser
import TollgateServer

/// The command `tollgate doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Check Redis, the data folder, files and ports of a sidecar, and say what is wrong.",
        discussion: """
            Takes the settings of `tollgate serve`, from options, the environment or --config, and changes nothing: neither Redis \
            nor files, nor a sidecar that runs with the same settings.
            Exits 0 if there are no errors, even with warnings, and 2 if there are.
            """)

    @OptionGroup var options: ServeOptions

    @Flag(help: "Print JSON: one object with the checks.")
    var json = false

    func run() async throws {
        OpenFiles.raiseLimit()
        let report = DoctorReport(checks: await Doctor(options: options).checks())
        print(json ? report.json : report.text(on: .current))
        guard report.count(.error) == 0 else { throw ExitCode(2) }
    }
}
