package import Logging
import ServiceLifecycle
import Synchronization
import TollgateCore
package import TollgatePolicy
import UnixSignals

/// Reloads the policy file on SIGHUP and when it has changed, once it has been unchanged for a while: a file that is
/// written in place is empty or incomplete for a moment. A bad file leaves the policy active and is reported once. A
/// file that cannot be read is tried again.
package struct PolicyReloader: Service {
    private let file: PolicyFile
    private let policy: ActivePolicy
    private let interval: Duration
    private let quietPeriod: Duration
    private let reloadsOnHangUp: Bool
    private let refusal: @Sendable (Policy) -> String?
    private let onHangUp: @Sendable () -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - interval: The interval of checks for a change.
    ///   - quietPeriod: The time for which the file has to be unchanged before it is read, and the pause after a failed
    ///     attempt.
    ///   - refusal: Returns why a valid policy is not taken; nil to take it.
    ///   - reloadsOnHangUp: Whether SIGHUP requests a reload. Otherwise the signal is left alone.
    ///   - onHangUp: Called on SIGHUP, for other files, if it requests a reload.
    package init(
        file: PolicyFile, policy: ActivePolicy, interval: Duration = .milliseconds(250),
        settling quietPeriod: Duration = .seconds(1), reloadsOnHangUp: Bool = true, logger: Logger,
        refusal: @escaping @Sendable (Policy) -> String? = { _ in nil }, onHangUp: @escaping @Sendable () -> Void = {}
    ) {
        self.file = file
        self.policy = policy
        self.interval = interval
        self.quietPeriod = quietPeriod
        self.reloadsOnHangUp = reloadsOnHangUp
        self.logger = logger
        self.refusal = refusal
        self.onHangUp = onHangUp
    }

    /// Returns on graceful shutdown or cancellation.
    package func run() async {
        let hangUp = HangUp()
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await watch(hangUp) }
                guard reloadsOnHangUp else { return }
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: .sighup) {
                        hangUp.hasCome.store(true, ordering: .relaxed)
                        onHangUp()
                    }
                }
            }
        }
    }

    private func watch(_ hangUp: HangUp) async {
        var schedule = ReadingSchedule(read: file.firstStamp, settling: quietPeriod, at: .now)
        while (try? await Task.sleep(for: interval)) != nil {
            if hangUp.hasCome.exchange(false, ordering: .relaxed) { schedule.readAnyway() }
            check(&schedule)
        }
    }

    private func check(_ schedule: inout ReadingSchedule<FileStamp?>) {
        let stamp = file.stamp
        guard schedule.isDue(stamp, at: .now) else { return }
        let isDone = reload(ifStill: stamp)
        schedule.wasRead(successfully: isDone, at: .now)
    }

    /// Reloads the file if it is unchanged since it was checked. Returns false if it has changed or cannot be read, so
    /// that it has to be tried again.
    private func reload(ifStill stamp: FileStamp?) -> Bool {
        do {
            let new = try file.load()
            guard file.stamp == stamp else { return false }
            if let sentence = fixedSettingsChanged(in: new) ?? refusal(new) {
                if policy.reloadFailed(sentence) { report(sentence) }
                return true
            }
            let changes = PolicyChanges(from: policy.policies.file, to: new)
            policy.install(new)
            reportReload(changes)
            for warning in new.warnings { logger.warning("\(warning)") }
            return true
        } catch let error as PolicyError {
            guard file.stamp == stamp else { return false }
            _ = policy.reloadFailed("\(error)")
            report(error)
            return true
        } catch {
            // Repeated attempts with the same error are logged once.
            if policy.reloadFailed("\(error)") { report(error) }
            return false
        }
    }

    /// Returns what a reload cannot change; nil if the policy changes no such thing.
    private func fixedSettingsChanged(in new: Policy) -> String? {
        if let currency = policy.priceCurrency, currency != new.currency {
            return "\(file.path): currency: \(new.currency) in the file, but the price file has prices in \(currency)"
        }
        let (old, new) = (policy.policies.file.moneyUnit.decimals, new.moneyUnit.decimals)
        guard old != new else { return nil }
        return """
            \(file.path): decimals: \(new) in the file, \(old) in force: a reload cannot change the unit of the money in Redis; \
            restart with another --namespace
            """
    }

    private func reportReload(_ changes: PolicyChanges) {
        var metadata: Logger.Metadata = ["file": "\(file.path)", "digest": "\(policy.digest)"]
        for (key, names) in [("added", changes.added), ("changed", changes.changed), ("removed", changes.removed)]
        where !names.isEmpty {
            metadata[key] = "\(PolicyChanges.text(of: names))"
        }
        logger.info(changes.isEmpty ? "policy reloaded without changes" : "policy reloaded", metadata: metadata)
    }

    private func report(_ error: Any) {
        // A policy error has a line for each problem.
        let sentence = "\(error)".replacing("\n", with: "; ")
        logger.error("policy reload failed; keeping the active policy: \(sentence)")
    }
}

/// A flag that SIGHUP sets and the next check clears.
private final class HangUp: Sendable {
    let hasCome = Atomic(false)
}
