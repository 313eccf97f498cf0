import Synchronization
import TollgateStores

/// The tasks that deliver to the active receivers, one each. Owned by the task of the delivery service.
struct ReceiverTasks {
    private struct Running {
        var receiver: AlertReceiver
        var wakeUp: WakeUp
        var task: Task<Void, Never>
    }

    private var running: [String: Running] = [:]
    private let sleepers: Sleepers

    init(sleepers: Sleepers) {
        self.sleepers = sleepers
    }

    /// Runs exactly the given receivers: starts new ones, stops those that are gone, and replaces changed ones. The
    /// deliveries of a changed receiver go on where they stopped, because its consumer group keeps its name.
    ///
    /// - Parameter makeRunner: Creates the runner of a receiver.
    /// - Returns: The names of the receivers that are gone, once they have stopped.
    mutating func update(
        to receivers: [AlertReceiver], makeRunner: (AlertReceiver, WakeUp) -> ReceiverRunner
    ) async -> [String] {
        let kept = Set(receivers)
        let stopped = running.values.filter { !kept.contains($0.receiver) }.map(\.receiver.name).sorted()
        for name in stopped { running[name]?.task.cancel() }
        // A changed receiver gets its lease only after the earlier task has released it.
        for name in stopped { await running.removeValue(forKey: name)?.task.value }
        for receiver in receivers where running[receiver.name] == nil {
            let wakeUp = WakeUp()
            let runner = makeRunner(receiver, wakeUp)
            let task = Task {
                var runner = runner
                await runner.run()
            }
            running[receiver.name] = Running(receiver: receiver, wakeUp: wakeUp, task: task)
        }
        sleepers.replace(with: running.values.map(\.wakeUp))
        return stopped.filter { running[$0] == nil }
    }

    /// Stops all tasks, and returns when they have ended.
    mutating func stop() async {
        for item in running.values { item.task.cancel() }
        for item in running.values { await item.task.value }
        running = [:]
    }
}

/// The sleeps of all receivers' tasks, which a new event ends. It can be used from any thread.
final class Sleepers: Sendable {
    private let wakeUps = Mutex<[WakeUp]>([])

    func replace(with wakeUps: [WakeUp]) {
        self.wakeUps.withLock { $0 = wakeUps }
    }

    func wakeAll() {
        for wakeUp in wakeUps.withLock({ $0 }) { wakeUp.wake() }
    }
}
