package import TollgateCore

/// What the batch script saw happen to the alerts of a scope, and kept until it has been published (alerts.lua).
package enum AlertChange: Sendable, Hashable {
    /// A threshold was reached.
    case opened(Alert)
    /// The alert of that id does not hold any more, since a time in Unix ms.
    case resolved(id: String, at: Int64, reason: Alert.Reason)
}
