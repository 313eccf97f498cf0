import NIOCore

extension TollgateClient {
    /// Returns the changes of alerts of all scopes and sidecars.
    ///
    ///     for try await message in client.alerts(after: try lastCursor()) {
    ///         if message.event == .opened, message.alert.severity == .critical { try await page(message.alert) }
    ///         try saveCursor(message.cursor)
    ///     }
    ///
    /// The sequence survives disconnects and restarts of the sidecar. It ends when the task is cancelled or the client
    /// is shut down.
    ///
    /// - Parameter cursor: The cursor of the last message that was processed. Nil starts with the next message. A
    ///   cursor older than the retained messages starts with the oldest one.
    /// - Returns: A sequence that can be iterated any number of times. It retains the client.
    public func alerts(after cursor: String? = nil) -> AlertSequence {
        AlertSequence(client: self, cursor: cursor)
    }
}
