import Synchronization

/// An asynchronous lock: runs one operation at a time, in the order of the callers. It can be used from any task.
package final class Turns: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Waits for earlier callers and runs the body.
    package func next<Result, Failure>(_ body: () async throws(Failure) -> Result) async throws(Failure) -> Result {
        await enter()
        defer { leave() }
        return try await body()
    }

    /// Waits for earlier callers and runs the body. Returns nil immediately if too many callers wait already.
    package func next<Result, Failure>(
        maxWaiting: Int, _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result? {
        guard state.withLock({ $0.waiting.count < maxWaiting }) else { return nil }
        return try await next(body)
    }

    private func enter() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.isTaken { state.waiting.append(continuation) }
                defer { state.isTaken = true }
                return !state.isTaken
            }
            if isFree { continuation.resume() }
        }
    }

    private func leave() {
        let next = state.withLock { state in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() as CheckedContinuation<Void, Never>? }
            state.isTaken = false
            return nil
        }
        next?.resume()
    }
}
