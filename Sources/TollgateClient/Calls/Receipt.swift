public import TollgateCore
package import TollgateWire

/// The sidecar's word that it has taken a COMMIT, CANCEL, RECORD or REFUND. A plain value that nobody owns.
public struct Receipt: Sendable, Hashable {
    /// The reservation had expired before. It was settled all the same.
    public let isLate: Bool
    /// The same had been done before, and nothing was changed now. It may have been an earlier attempt of this very call,
    /// the answer to which was lost.
    public let isDuplicate: Bool
    /// Redis is away, or what came before is still waiting: the sidecar keeps it on disk and applies it later.
    public let isQueued: Bool
    /// Limits past a threshold, now that it counts; empty where nothing was counted now.
    public let warnings: [LimitWarning]

    /// Reads the fields that follow `OK`; all false, and no warnings, where there are none.
    package init(_ fields: [Reply.Field] = []) {
        func isSet(_ key: String) -> Bool { fields.contains { $0.key == key && $0.value == "1" } }
        isLate = isSet("late")
        isDuplicate = isSet("duplicate")
        isQueued = isSet("queued")
        warnings = fields.first { $0.key == "warn" }.map { ReplyParser.warnings(in: $0.value) } ?? []
    }
}
