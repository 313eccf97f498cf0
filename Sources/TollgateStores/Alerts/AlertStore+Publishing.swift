import NIOCore
package import TollgateCore
package import TollgateLedger
import TollgatePolicy
import TollgateRedis

extension AlertStore {
    /// Tells what the batch script saw, to all sidecars and to those who get alerts. Harmless when it is repeated: an alert that is
    /// there is not opened again, and one that is resolved, or not there, is not resolved.
    ///
    /// - Throws: `.corrupt` where a key is of another type, or the alert one that could not be read, and nothing was changed;
    ///   `.unknownOutcome` and `.unavailable` as they say.
    package func publish(_ change: AlertChange) async throws(StoreError) {
        switch change {
        case .opened(let alert):
            _ = try await write(alert, .opened, ifState: nil, at: alert.openedAt)
        case .resolved(let id, let at, let reason):
            _ = try await move(id, .resolved, at: at) { alert in
                guard alert.state != .resolved else { return false }
                alert.resolved = Alert.Mark(at: at, by: "auto")
                alert.reason = reason
                return true
            }
        }
    }

    /// Moves an alert on to another state, whatever others do to it at the same time: each change is made of the alert as it is.
    ///
    /// - Parameter edit: says of the alert as it is whether it changes, and fills in all but the state.
    /// - Returns: the alert after the change, or as it is where it does not change; nil where there is none of that id.
    func move(
        _ id: String, _ event: Alert.Event, at: Int64, _ edit: (inout Alert) throws(StoreError) -> Bool
    ) async throws(StoreError) -> Alert? {
        while true {
            guard var alert = try await alert(id) else { return nil }
            let state = alert.state
            guard try edit(&alert) else { return alert }
            alert.state = event.state
            // Goes round twice at most: states never go back.
            if try await write(alert, event, ifState: state, at: at) { return alert }
        }
    }

    /// The alert of that id, or nil.
    package func alert(_ id: String) async throws(StoreError) -> Alert? {
        let key = keys.alert(id)
        return try StoredAlert.alert(try await link.ask("HGETALL", key), of: key)
    }

    /// - Parameter state: what has to be there; nil for no alert.
    /// - Returns: whether it was there, and so the change made.
    private func write(
        _ alert: Alert, _ event: Alert.Event, ifState state: Alert.State?, at: Int64
    ) async throws(StoreError) -> Bool {
        guard alert.isInRange else { throw .corrupt("\(keys.alert(alert.id)): a time or an amount is out of range") }
        guard let json = try? CanonicalJSON.text(alert) else { throw .unavailable("cannot be written as JSON") }
        // In the order of alert_publish.lua.
        let keys = [
            keys.alert(alert.id), keys.all, keys.ofScope(alert.scope.description),
            keys.inState(state ?? event.state), keys.inState(event.state), keys.ending, keys.deliveries,
        ]
        let arguments = [
            state?.rawValue ?? "", event.rawValue, alert.id, "\(alert.openedAt)",
            "\(alert.firstReview)", "\(at)", json, self.keys.news,
        ]
        let reply = try await link.call(
            Self.publishFunction, keys: keys, arguments: arguments + StoredAlert.fields(of: alert), isChange: true)
        let words = try reply.texts(of: keys[0])
        guard words.count == 2 else { throw .unexpectedReply(about: keys[0]) }
        switch words[0] {
        case "done": return true
        case "other_state": return false
        case "corrupt": throw .corrupt("\(keys[0]): has no state")
        case "other_type": throw .corrupt("\(Int(words[1]).map { keys[$0 - 1] } ?? keys[0]): is of another type")
        default: throw .unavailable("the script answers \(words[0])")
        }
    }
}

extension Alert.Event {
    /// Of the alert after it.
    fileprivate var state: Alert.State {
        switch self {
        case .opened: .open
        case .acknowledged: .acknowledged
        case .resolved: .resolved
        }
    }
}
