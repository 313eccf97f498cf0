public import TollgateCore
package import TollgateWire

/// The sidecar's acknowledgement of a COMMIT, CANCEL, RECORD or REFUND.
public struct Receipt: Sendable, Hashable {
    /// Whether the reservation had already expired. The request was applied nevertheless.
    public let isLate: Bool
    /// Whether the request had been applied before, so that it changed nothing now. The first time may have been a lost
    /// attempt of this same call.
    public let isDuplicate: Bool
    /// Whether the sidecar has journaled the request on disk, to apply it when Redis is back.
    public let isQueued: Bool
    /// The limits that are past a threshold after this request. Empty if it counted nothing.
    public let warnings: [LimitWarning]

    /// Reads the fields that follow `OK`. Missing fields are false or empty.
    package init(_ fields: [Reply.Field] = []) {
        func isSet(_ key: String) -> Bool { fields.contains { $0.key == key && $0.value == "1" } }
        isLate = isSet("late")
        isDuplicate = isSet("duplicate")
        isQueued = isSet("queued")
        warnings = fields.first { $0.key == "warn" }.map { ReplyParser.warnings(in: $0.value) } ?? []
    }
}
