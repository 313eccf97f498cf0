import Foundation
package import Logging
import ServiceLifecycle
package import TollgatePolicy

/// The file of `--token-file`, which contains the token that clients send in AUTH.
package struct ClientTokenFile: Sendable {
    /// A token and its file.
    package struct Contents: Sendable {
        package var token: String
        package var file: StampedFile
        /// The warning for the log about a file that others can read; nil for a private one.
        package var warning: String?
    }

    private let path: String

    package init(path: String) {
        self.path = path
    }

    /// Reads the token without surrounding white space. Throws an error that names the option and the file.
    package func read() throws(OperatorError) -> Contents {
        let (file, stamped) = (TextFile(path: path), StampedFile(path: path))
        let text: String
        do throws(TextFile.Fault) {
            text = try file.text()
        } catch {
            throw OperatorError("--token-file \(path): \(error.sentence)")
        }
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else { throw OperatorError("--token-file \(path): is empty") }
        if let fault = ServerSettings.fault(ofToken: token) { throw OperatorError("--token-file \(path): \(fault)") }
        let warning =
            file.isReadableByOthers ? "--token-file \(path): is readable by others; run chmod 600 \(path)" : nil
        return Contents(token: token, file: stamped, warning: warning)
    }
}

/// Reloads the file of the clients' token when it has changed and been unchanged for a while, and on request. A bad file
/// leaves the token in force, is reported once, and is tried again. Usable from any task.
package final class ClientTokenReloader: Service {
    private let contents: ClientTokenFile.Contents
    private let sidecar: Sidecar
    private let watch: FileWatch
    private let refusesExposure: Bool
    private let logger: Logger

    /// - Parameters:
    ///   - contents: The file as it was read at startup.
    ///   - sidecar: The sidecar whose token is replaced.
    ///   - refusesExposure: Whether a file with a secret to which every user of the host has access is bad.
    ///   - interval: The interval of checks for a change.
    ///   - quietPeriod: The time for which the file has to be unchanged before it is read, and the pause after a failed
    ///     attempt.
    package init(
        contents: ClientTokenFile.Contents, sidecar: Sidecar, refusesExposure: Bool = false,
        interval: Duration = .milliseconds(250),
        settling quietPeriod: Duration = .seconds(1), logger: Logger
    ) {
        self.contents = contents
        self.sidecar = sidecar
        watch = FileWatch(interval: interval, settling: quietPeriod)
        self.refusesExposure = refusesExposure
        self.logger = logger
        sidecar.tokenFile.wasLoaded(contents.file.path)
    }

    /// Reloads the file with the next check, although it may not have changed.
    package func reload() {
        watch.request()
    }

    /// Returns on graceful shutdown or cancellation.
    package func run() async {
        await cancelWhenGracefulShutdown { await self.watchFile() }
    }

    private func watchFile() async {
        let path = contents.file.path
        var token = contents.token
        await watch.run(files: [contents.file]) { () throws(OperatorError) in
            let new = try ClientTokenFile(path: path).read()
            if refusesExposure, let error = TextFile(path: path).exposure(named: "--token-file") { throw error }
            return (new, [new.file])
        } install: { new, isRequested in
            let hadFailed = sidecar.tokenFile.state.error != nil
            let isNew = new.token != token
            if isNew { await sidecar.install(token: new.token) }
            token = new.token
            sidecar.tokenFile.wasLoaded(path)
            guard isNew || hadFailed || isRequested else { return }
            logger.info(
                isNew ? "client token reloaded" : "client token reloaded without changes", metadata: ["file": "\(path)"]
            )
            if let warning = new.warning { logger.warning("\(warning)") }
        } report: { error in
            if sidecar.tokenFile.reloadFailed(error.description) {
                logger.error("client token could not be reloaded; keeping the one in force: \(error)")
            }
        }
    }
}
