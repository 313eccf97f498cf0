package import Logging
import ServiceLifecycle
import Synchronization
import TollgateCore
import TollgatePolicy
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
    private let logger: Logger

    /// - Parameters:
    ///   - interval: The interval of checks for a change.
    ///   - quietPeriod: The time for which the file has to be unchanged before it is read, and the pause after a failed
    ///     attempt.
    ///   - reloadsOnHangUp: Whether SIGHUP requests a reload. Otherwise the signal is left alone.
    package init(
        file: PolicyFile, policy: ActivePolicy, interval: Duration = .milliseconds(250),
        settling quietPeriod: Duration = .seconds(1), reloadsOnHangUp: Bool = true, logger: Logger
    ) {
        self.file = file
        self.policy = policy
        self.interval = interval
        self.quietPeriod = quietPeriod
        self.reloadsOnHangUp = reloadsOnHangUp
        self.logger = logger
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

    private func check(_ schedule: inout ReadingSchedule) {
        let stamp = file.stamp
        guard schedule.isDue(stamp, at: .now) else { return }
        let isDone = reload(ifStill: stamp)
        schedule.wasRead(successfully: isDone, at: .now)
    }

    /// Reloads the file if it is unchanged since it was checked. Returns false if it has changed or cannot be read, so
    /// that it has to be tried again.
    private func reload(ifStill stamp: PolicyFile.Stamp?) -> Bool {
        do {
            let new = try file.load()
            guard file.stamp == stamp else { return false }
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

    private func reportReload(_ changes: PolicyChanges) {
        var metadata: Logger.Metadata = ["file": "\(file.path)", "digest": "\(policy.digest)"]
        for (key, names) in [("added", changes.added), ("changed", changes.changed), ("removed", changes.removed)]
        where !names.isEmpty {
            metadata[key] = "\(PolicyChanges.text(of: names))"
        }
        logger.info(changes.isEmpty ? "policy reloaded without changes" : "policy reloaded", metadata: metadata)
    }

    private func report(_ error: any Error) {
        // A policy error has a line for each problem.
        let sentence = "\(error)".replacing("\n", with: "; ")
        logger.error("policy reload failed; keeping the active policy: \(sentence)")
    }
}

/// A flag that SIGHUP sets and the next check clears.
private final class HangUp: Sendable {
    let hasCome = Atomic(false)
}

/// Decides when a file that is checked repeatedly is read: once it differs from the last read and has been unchanged
/// for a while. Pure: the caller checks and reads the file.
struct ReadingSchedule {
    private let quietPeriod: Duration
    private var read: PolicyFile.Stamp?
    private var seen: PolicyFile.Stamp?
    private var seenSince: ContinuousClock.Instant
    private var isRequested = false

    /// - Parameters:
    ///   - read: The stamp of the file when it was last read.
    ///   - quietPeriod: The time for which the file has to be unchanged before it is read.
    init(read: PolicyFile.Stamp?, settling quietPeriod: Duration, at now: ContinuousClock.Instant) {
        self.quietPeriod = quietPeriod
        self.read = read
        seen = read
        seenSince = now
    }

    /// Requests that the file is read although it has not changed.
    mutating func readAnyway() {
        isRequested = true
    }

    /// Returns whether the file is to be read now.
    ///
    /// - Parameter stamp: The current stamp of the file.
    mutating func isDue(_ stamp: PolicyFile.Stamp?, at now: ContinuousClock.Instant) -> Bool {
        if stamp != seen { (seen, seenSince) = (stamp, now) }
        return (isRequested || seen != read) && now - seenSince >= quietPeriod
    }

    /// Records an attempt to read the file as it was at the last check. After a failure, it is due again after a while.
    mutating func wasRead(successfully: Bool, at now: ContinuousClock.Instant) {
        isRequested = !successfully
        if successfully { read = seen } else { seenSince = now }
    }
}
