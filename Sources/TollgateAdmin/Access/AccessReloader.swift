package import Logging
import ServiceLifecycle
import TollgatePolicy
package import TollgateServer

/// Reloads the file of `--admin-access` when it, or a file that it names, has changed and been unchanged for a while, and
/// on request. A bad file leaves the access in force, is reported once, and is tried again. Usable from any task.
package final class AccessReloader: Service {
    private let files: [StampedFile]
    /// The path of the access file, which may name others.
    private let path: String
    private let access: ActiveAccess
    private let state: ReloadedFile
    private let watch: FileWatch
    private let refusesExposure: Bool
    private let logger: Logger

    /// Creates a reloader. Returns nil for access without a file.
    ///
    /// - Parameters:
    ///   - access: The access, as it was read from the file at startup.
    ///   - state: The state for STATUS.
    ///   - refusesExposure: Whether a file with a secret to which every user of the host has access is bad.
    ///   - interval: The interval of checks for a change.
    ///   - quietPeriod: The time for which the files have to be unchanged before they are read, and the pause after a
    ///     failed attempt.
    package init?(
        _ access: ActiveAccess, state: ReloadedFile, refusesExposure: Bool = false,
        interval: Duration = .milliseconds(250),
        settling quietPeriod: Duration = .seconds(1), logger: Logger
    ) {
        files = access.settings.files
        guard let path = files.first?.path else { return nil }
        self.path = path
        self.access = access
        self.state = state
        self.refusesExposure = refusesExposure
        watch = FileWatch(interval: interval, settling: quietPeriod)
        self.logger = logger
        state.wasLoaded(path)
    }

    /// Reloads the file with the next check, although it may not have changed.
    package func reload() {
        watch.request()
    }

    /// Returns on graceful shutdown or cancellation.
    package func run() async {
        await cancelWhenGracefulShutdown { await self.watchFiles() }
    }

    private func watchFiles() async {
        await watch.run(files: files) { () async throws(OperatorError) in
            let new = try await AccessFile(path: path).read()
            let exposures = new.secretFiles.lazy.compactMap { TextFile(path: $0).exposure(named: "--admin-access") }
            if refusesExposure, let error = exposures.first { throw error }
            return (new, new.files)
        } install: { new, isRequested in
            let hadFailed = state.state.error != nil
            let change = access.install(new)
            state.wasLoaded(path)
            guard isRequested || hadFailed || !change.isEmpty else { return }
            log(change)
            for warning in new.warnings { logger.warning("\(warning)") }
        } report: { error in
            if state.reloadFailed(error.description) {
                logger.error("admin access could not be reloaded; keeping the one in force: \(error)")
            }
        }
    }

    private func log(_ change: AccessChange) {
        var metadata: Logger.Metadata = ["file": "\(path)"]
        for (key, names) in [("added", change.added), ("changed", change.changed), ("removed", change.removed)]
        where !names.isEmpty {
            metadata[key] = "\(PolicyChanges.text(of: names))"
        }
        logger.info(
            change.isEmpty ? "admin access reloaded without changes" : "admin access reloaded", metadata: metadata)
    }
}
