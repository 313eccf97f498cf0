import Synchronization

/// The receivers of alerts that are active in a sidecar, and the state of their file. Usable from any task.
package final class AlertReceivers: Sendable {
    private struct State {
        var active: [AlertReceiver]
        var error: String?
        var reloadFailures = 0
        var updates: AsyncStream<[AlertReceiver]>.Continuation?
    }

    /// The path of the file; nil for the receivers that are active without a file.
    package let file: String?
    /// The outcomes of this sidecar's deliveries.
    package let counts = DeliveryCounts()
    private let state: Mutex<State>

    package init(_ receivers: [AlertReceiver] = AlertReceiver.standard, file: String? = nil) {
        self.file = file
        state = Mutex(State(active: receivers))
    }

    /// The active receivers, in the order of the file.
    package var active: [AlertReceiver] { state.withLock { $0.active } }

    /// The error of the last reload; nil if the current file is active.
    package var error: String? { state.withLock { $0.error } }

    /// The reloads that failed with another error than the one before, since the start.
    package var reloadFailures: Int { state.withLock { $0.reloadFailures } }

    /// Returns the active receiver with a name; nil if there is none.
    package func receiver(named name: String) -> AlertReceiver? {
        active.first { $0.name == name }
    }

    /// Replaces the active receivers.
    ///
    /// - Returns: The changes.
    package func install(_ receivers: [AlertReceiver]) -> ReceiverChange {
        state.withLock { state in
            let change = ReceiverChange(from: state.active, to: receivers)
            state.active = receivers
            state.error = nil
            if !change.isEmpty { state.updates?.yield(receivers) }
            return change
        }
    }

    /// Records that the file could not be reloaded. Returns whether the error differs from the last one.
    package func reloadFailed(_ error: String) -> Bool {
        state.withLock { state in
            defer { state.error = error }
            if state.error != error { state.reloadFailures += 1 }
            return state.error != error
        }
    }

    /// Returns the active receivers now, and again after each change. Only the newest are buffered. One task at a time
    /// may iterate.
    package func updates() -> AsyncStream<[AlertReceiver]> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: [AlertReceiver].self, bufferingPolicy: .bufferingNewest(1))
        state.withLock { state in
            state.updates = continuation
            continuation.yield(state.active)
        }
        return stream
    }
}

/// The difference between two lists of receivers, by name. Pure.
package struct ReceiverChange: Sendable, Equatable {
    /// The names, in the order of the new list.
    package private(set) var added: [String] = []
    /// The names of receivers with another endpoint or filter, in the order of the new list.
    package private(set) var changed: [String] = []
    /// The names, in the order of the old list.
    package private(set) var removed: [String] = []

    package init(from old: [AlertReceiver], to new: [AlertReceiver]) {
        for receiver in new {
            guard let before = old.first(where: { $0.name == receiver.name }) else {
                added.append(receiver.name)
                continue
            }
            if before != receiver { changed.append(receiver.name) }
        }
        removed = old.map(\.name).filter { name in !new.contains { $0.name == name } }
    }

    package var isEmpty: Bool { added.isEmpty && changed.isEmpty && removed.isEmpty }
}

extension ReceiverChange: CustomStringConvertible {
    /// The change in words: `added billing; changed chat, pager; removed bus`.
    package var description: String {
        let parts = [("added", added), ("changed", changed), ("removed", removed)].filter { !$0.1.isEmpty }
        return parts.isEmpty ? "no change" : parts.map { "\($0) \($1.joined(separator: ", "))" }.joined(separator: "; ")
    }
}
