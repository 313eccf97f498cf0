package import Logging
import ServiceLifecycle
import Synchronization
import TollgateCore
import TollgatePolicy
package import TollgateStores

/// Reloads the file of receivers when it, or a file that it names, has changed and been unchanged for a while, and on
/// request. A bad file leaves the receivers active, is reported once, and is tried again. Usable from any task.
package final class ReceiverReloader: Service {
    private typealias Stamps = [FileStamp?]

    private let contents: AlertsFile.Contents
    private let receivers: AlertReceivers
    private let refusesExposure: Bool
    private let interval: Duration
    private let quietPeriod: Duration
    private let logger: Logger
    private let isRequested = Atomic(false)

    /// - Parameters:
    ///   - contents: The file as it was read at startup.
    ///   - receivers: The receivers to replace.
    ///   - refusesExposure: Whether a file with a secret to which every user of the host has access is bad.
    ///   - interval: The interval of checks for a change.
    ///   - quietPeriod: The time for which the files have to be unchanged before they are read, and the pause after a
    ///     failed attempt.
    package init(
        contents: AlertsFile.Contents, receivers: AlertReceivers, refusesExposure: Bool = false,
        interval: Duration = .milliseconds(250),
        settling quietPeriod: Duration = .seconds(1), logger: Logger
    ) {
        self.contents = contents
        self.receivers = receivers
        self.refusesExposure = refusesExposure
        self.interval = interval
        self.quietPeriod = quietPeriod
        self.logger = logger
    }

    /// Reloads the file with the next check, although it may not have changed.
    package func reload() {
        isRequested.store(true, ordering: .relaxed)
    }

    /// Returns on graceful shutdown or cancellation.
    package func run() async {
        await cancelWhenGracefulShutdown { await self.watch() }
    }

    private func watch() async {
        var watched = [contents.path] + contents.namedFiles
        var schedule = ReadingSchedule(read: stamps(of: watched), settling: quietPeriod, at: .now)
        // The files may have changed since they were read at startup.
        schedule.readAnyway()
        var isReportWanted = false
        while (try? await Task.sleep(for: interval)) != nil {
            if isRequested.exchange(false, ordering: .relaxed) {
                schedule.readAnyway()
                isReportWanted = true
            }
            let stamps = stamps(of: watched)
            guard schedule.isDue(stamps, at: .now) else { continue }
            guard let new = read(), self.stamps(of: watched) == stamps else {
                schedule.wasRead(successfully: false, at: .now)
                continue
            }
            install(new, isReportWanted: isReportWanted)
            isReportWanted = false
            schedule.wasRead(successfully: true, at: .now)
            let files = [new.path] + new.namedFiles
            guard files != watched else { continue }
            watched = files
            schedule = ReadingSchedule(read: self.stamps(of: files), settling: quietPeriod, at: .now)
            // A newly named file may have changed before its first stamp.
            schedule.readAnyway()
        }
    }

    private func stamps(of paths: [String]) -> Stamps { paths.map { FileStamp(path: $0) } }

    /// Reads the file; nil if it is bad, which is then reported.
    private func read() -> AlertsFile.Contents? {
        do throws(OperatorError) {
            let new = try AlertsFile(path: contents.path).read()
            let exposures = new.secretFiles.lazy.compactMap { TextFile(path: $0).exposure(named: "--alerts") }
            if refusesExposure, let error = exposures.first { throw error }
            return new
        } catch {
            if receivers.reloadFailed(error.description) {
                logger.error("alert receivers could not be reloaded; keeping the active ones: \(error)")
            }
            return nil
        }
    }

    private func install(_ new: AlertsFile.Contents, isReportWanted: Bool) {
        let hadFailed = receivers.error != nil
        let change = receivers.install(new.receivers)
        guard isReportWanted || hadFailed || !change.isEmpty else { return }
        logger.info("alert receivers reloaded: \(change)", metadata: ["file": "\(new.path)"])
        for warning in new.warnings { logger.warning("\(warning)") }
    }
}
