import Synchronization

/// Lets one task sleep until others wake it. Usable from any thread.
final class WakeUp: Sendable {
    private struct State {
        var isWanted = false
        var sleeper: Task<Void, Never>?
    }

    private let state = Mutex(State())

    /// Ends the present sleep, or the next one at once.
    func wake() {
        state.withLock { state in
            state.isWanted = true
            state.sleeper?.cancel()
        }
    }

    /// Sleeps for so long, or until it is woken or the task is cancelled. For one task at a time.
    func wait(atMost limit: Duration) async {
        let sleeper: Task<Void, Never>? = state.withLock { state in
            guard !state.isWanted else {
                state.isWanted = false
                return nil
            }
            let sleeper = Task<Void, Never> { try? await Task.sleep(for: limit) }
            state.sleeper = sleeper
            return sleeper
        }
        guard let sleeper else { return }
        await withTaskCancellationHandler {
            await sleeper.value
        } onCancel: {
            sleeper.cancel()
        }
        state.withLock { state in
            state.sleeper = nil
            state.isWanted = false
        }
    }
}
