package import TollgateCore
import TollgateRedis

/// What a person does to alerts. None of it makes the script raise an alert again, or keeps it from doing so.
extension AlertStore {
    /// Says that somebody has seen an open alert, at a time in Unix ms.
    ///
    /// - Returns: the alert after it.
    /// - Throws: `.missing`; `.settled` where it is acknowledged or resolved already; `.corrupt`, `.unknownOutcome`, `.unavailable`.
    package func acknowledge(_ id: String, by author: Author, at: Int64) async throws(StoreError) -> Alert {
        try await change(id, .acknowledged, at: at) { alert throws(StoreError) in
            if let settled = alert.resolved ?? alert.acknowledged { throw alert.settled(settled) }
            alert.acknowledged = Alert.Mark(at: at, by: author.name)
        }
    }

    /// Says that an alert does not matter any more, at a time in Unix ms.
    ///
    /// - Returns: the alert after it.
    /// - Throws: `.missing`; `.settled` where it is resolved already; `.corrupt`, `.unknownOutcome`, `.unavailable`.
    package func resolve(_ id: String, by author: Author, at: Int64) async throws(StoreError) -> Alert {
        try await change(id, .resolved, at: at) { alert throws(StoreError) in
            if let settled = alert.resolved { throw alert.settled(settled) }
            alert.resolved = Alert.Mark(at: at, by: author.name)
            alert.reason = .byHand
        }
    }

    private func change(
        _ id: String, _ event: Alert.Event, at: Int64, _ edit: (inout Alert) throws(StoreError) -> Void
    ) async throws(StoreError) -> Alert {
        let alert = try await move(id, event, at: at) { alert throws(StoreError) in
            try edit(&alert)
            return true
        }
        guard let alert else { throw .missing }
        return alert
    }
}

extension Alert {
    /// That somebody, or Tollgate, was first.
    fileprivate func settled(_ mark: Mark) -> StoreError {
        .settled("\(id): \(state.rawValue) by \(mark.by) already\(reason.map { " (\($0.rawValue))" } ?? "")")
    }
}
