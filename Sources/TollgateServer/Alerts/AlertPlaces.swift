import Synchronization

/// The places for clients that listen to alerts, over all event loops of a sidecar. Usable from any thread.
final class AlertPlaces: Sendable {
    let capacity: Int
    private let taken = Atomic<Int>(0)

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Takes a place until `giveBack()`; false where there is none.
    func take() -> Bool {
        guard taken.wrappingAdd(1, ordering: .relaxed).newValue > capacity else { return true }
        giveBack()
        return false
    }

    func giveBack() {
        taken.wrappingSubtract(1, ordering: .relaxed)
    }
}
