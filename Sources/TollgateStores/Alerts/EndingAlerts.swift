package import TollgateCore

/// Alerts that are to be resolved, or looked at, by now.
package struct EndingAlerts: Sendable {
    package struct Item: Sendable {
        package var id: String
        /// Open or acknowledged; or why it cannot be read.
        package var alert: Result<Alert, StoreError>
    }

    /// Redis's clock, Unix ms.
    package var now: Int64
    /// Those whose time came first come first.
    package var items: [Item]
    /// Whether there may be others.
    package var hasMore: Bool
}
