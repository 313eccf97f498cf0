import NIOCore

extension TollgateClient {
    /// What happens to alerts, over all scopes and sidecars: as it happens, and what happened since a message that was seen before.
    ///
    ///     for try await message in client.alerts(after: try lastCursor()) {
    ///         if message.event == .opened, message.alert.severity == .critical { try await page(message.alert) }
    ///         try saveCursor(message.cursor)
    ///     }
    ///
    /// Goes on for ever: over lost connections and restarts of the sidecar, until the task is cancelled or the client shut down.
    ///
    /// - Parameter cursor: That of the last message which was seen; nil begins with what comes next. A cursor that is older than
    ///   anything Redis still has begins with the oldest.
    /// - Returns: What can be iterated over any number of times, each with a connection of its own. Keeps the client.
    public func alerts(after cursor: String? = nil) -> AlertSequence {
        AlertSequence(client: self, cursor: cursor)
    }
}
