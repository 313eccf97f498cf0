import Logging
import ServiceLifecycle
import Synchronization
import TollgateCore
import UnixSignals

/// Reads the policy file again on SIGHUP and when it has changed, once it has not changed for a while: a file that is written in
/// place is empty or half there for a moment. A bad file leaves the policy in force as it is, and is reported once; one that cannot
/// be read is tried again.
package struct PolicyReloader: Service {
    private let file: PolicyFile
    private let server: TollgateServer
    private let interval: Duration
    private let settling: Duration

    /// - Parameters:
    ///   - interval: how often to look whether the file has changed.
    ///   - settling: how long it has to stay as it is before it is read, and how long until one that could not be read is tried
    ///     again.
    package init(
        file: PolicyFile, server: TollgateServer, interval: Duration = .milliseconds(250),
        settling: Duration = .seconds(1)
    ) {
        self.file = file
        self.server = server
        self.interval = interval
        self.settling = settling
    }

    /// Returns on graceful shutdown or cancellation.
    package func run() async {
        let hangUp = HangUp()
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await watch(hangUp) }
                group.addTask {
                    for await _ in await UnixSignalsSequence(trapping: .sighup) {
                        hangUp.hasCome.store(true, ordering: .relaxed)
                    }
                }
            }
        }
    }

    private func watch(_ hangUp: HangUp) async {
        var schedule = ReadingSchedule(read: file.firstStamp, settling: settling, at: .now)
        while (try? await Task.sleep(for: interval)) != nil {
            if hangUp.hasCome.exchange(false, ordering: .relaxed) { schedule.readAnyway() }
            look(&schedule)
        }
    }

    private func look(_ schedule: inout ReadingSchedule) {
        let stamp = file.stamp
        guard schedule.isDue(stamp, at: .now) else { return }
        let outcome = server.reload(file, ifStill: stamp)
        schedule.wasRead(successfully: outcome != .failed, at: .now)
    }
}

/// A flag that is set when SIGHUP comes, and cleared by the next look.
private final class HangUp: Sendable {
    let hasCome = Atomic(false)
}
