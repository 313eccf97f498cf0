package import Logging
package import ServiceLifecycle
import Synchronization
import TollgateCore
package import TollgatePolicy

/// The price file of a sidecar, as it was read at startup.
package struct PriceSource: Sendable {
    package let path: String
    package let table: PriceTable
    /// The currency that the file names; nil for none.
    package let currency: String?
    /// The stamp of the file before it was read.
    let stamp: FileStamp?

    /// Reads the file.
    ///
    /// - Throws: An `OperatorError` if it cannot be read, or has another currency than the policy; a `PolicyError` if it is
    ///   invalid.
    package init(path: String, for policy: Policy) throws {
        self.path = path
        stamp = FileStamp(path: path)
        let file = try PriceFile(path: path)
        if let currency = file.currency, currency != policy.currency {
            throw OperatorError(
                "\(path): currency: the prices are in \(currency), but the policy counts \(policy.currency)")
        }
        table = file.table
        currency = file.currency
    }
}

/// Reloads the price file when it has changed and been unchanged for a while, and on request. A bad file leaves the
/// prices active, is reported once, and is tried again. Usable from any task.
package final class PriceReloader: Service {
    private let source: PriceSource
    private let policy: ActivePolicy
    private let interval: Duration
    private let quietPeriod: Duration
    private let logger: Logger
    private let isRequested = Atomic(false)

    /// - Parameters:
    ///   - source: The file as it was read at startup.
    ///   - policy: The policy whose prices are replaced.
    ///   - interval: The interval of checks for a change.
    ///   - quietPeriod: The time for which the file has to be unchanged before it is read, and the pause after a failed
    ///     attempt.
    package init(
        source: PriceSource, policy: ActivePolicy, interval: Duration = .milliseconds(250),
        settling quietPeriod: Duration = .seconds(1), logger: Logger
    ) {
        self.source = source
        self.policy = policy
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
        await cancelWhenGracefulShutdown {
            var schedule = ReadingSchedule(read: self.source.stamp, settling: self.quietPeriod, at: .now)
            while (try? await Task.sleep(for: self.interval)) != nil {
                if self.isRequested.exchange(false, ordering: .relaxed) { schedule.readAnyway() }
                let stamp = FileStamp(path: self.source.path)
                guard schedule.isDue(stamp, at: .now) else { continue }
                schedule.wasRead(successfully: self.install(ifStill: stamp), at: .now)
            }
        }
    }

    /// Reads and installs the file if it has not changed since it was checked. Returns whether it was installed.
    private func install(ifStill stamp: FileStamp?) -> Bool {
        do {
            let new = try PriceSource(path: source.path, for: policy.policies.file)
            guard FileStamp(path: source.path) == stamp else { return false }
            policy.install(new)
            logger.info("prices reloaded", metadata: ["file": "\(new.path)", "prices": "\(new.table.count)"])
            return true
        } catch {
            guard FileStamp(path: source.path) == stamp else { return false }
            // Repeated attempts with the same error are logged once. A policy error has a line for each problem.
            if policy.priceReloadFailed("\(error)") {
                let sentence = "\(error)".replacing("\n", with: "; ")
                logger.error("price reload failed; keeping the active prices: \(sentence)")
            }
            return false
        }
    }
}
