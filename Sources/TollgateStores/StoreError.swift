import TollgateRedis

/// A failure of a call to a store.
package enum StoreError: Error, Sendable, Equatable {
    /// The sidecar has no connection to Redis, so nothing was sent. The link reports the outage itself.
    case notConnected
    /// Redis did not answer in time, or its reply was an error. Redis made no change.
    case unavailable(String)
    /// A change was sent to Redis, but no reply arrived. Redis may have made the change.
    case unknownOutcome(String)
    /// The precondition was that nothing exists, but an item of this version does.
    case exists(Int64)
    /// The item has another version than the precondition names; nil if there is no item.
    case conflict(Int64?)
    /// The item to delete or to change does not exist.
    case missing
    /// The tier still has this number of assignments.
    case inUse(Int64)
    /// The assignment names a tier that does not exist.
    case unknownTier(String)
    /// The change would exceed a bound, which the sentence names.
    case tooMany(String)
    /// The alert is already in the requested state, or in a later one. The sentence names who changed it.
    case alreadyDone(String)
    /// The cursor is not one that a page returned.
    case badCursor
    /// The stored value is malformed. The sentence names the key.
    case corrupt(String)

    /// An unexpected kind of reply to a command about a key.
    static func unexpectedReply(about key: String) -> StoreError {
        .unavailable("unexpected reply of Redis about \(key)")
    }
}

extension StoreError: CustomStringConvertible {
    /// A sentence for operators.
    package var description: String {
        switch self {
        case .notConnected: RedisError.notConnected.description
        case .unavailable(let sentence), .tooMany(let sentence), .alreadyDone(let sentence), .corrupt(let sentence):
            sentence
        case .unknownOutcome(let sentence): "\(sentence); the outcome of the change is unknown"
        case .exists(let version): "already exists (version \(version))"
        case .conflict(let version): version.map { "the current version is \($0)" } ?? "does not exist"
        case .missing: "does not exist"
        case .inUse(let count): "the tier is assigned \(count) times"
        case .unknownTier(let id): "there is no tier \(id)"
        case .badCursor: "the cursor is not one that a page returned"
        }
    }
}

extension StoreError {
    /// Whether Redis did not answer. A repeated call may then succeed.
    package var maySucceedLater: Bool {
        switch self {
        case .notConnected, .unavailable, .unknownOutcome: true
        default: false
        }
    }

    /// Whether the call has certainly not been carried out, so that a call that is not idempotent may be repeated.
    package var changedNothingYet: Bool {
        switch self {
        case .notConnected, .unavailable: true
        default: false
        }
    }
}
