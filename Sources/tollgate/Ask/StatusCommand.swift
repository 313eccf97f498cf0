import ArgumentParser
import Foundation
import TollgateWire

/// The command `tollgate status`.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Print the state of the sidecar, warnings first.",
        discussion: "Exits 0 if the sidecar is ready, 1 if it is not, 2 if it cannot be reached.")
    @OptionGroup var options: ClientOptions

    func run() async throws {
        let (json, status) = try await options.sidecar.document(from: .status)
        print(options.json ? json : StatusText(status, at: .now).text(on: .current))
        guard status["not_ready"].array.isEmpty else { throw ExitCode(1) }
    }
}
