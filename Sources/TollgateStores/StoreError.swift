/// Why the store did not do what it was asked.
package enum StoreError: Error, Sendable, Equatable {
    /// Redis cannot be reached, or did not answer in time; no change was made.
    case unavailable(String)
    /// A change was sent to Redis, and no reply came: it may have been made, or not.
    case unknownOutcome(String)
    /// There is something that the precondition did not name; its version.
    case exists(Int64)
    /// Another version than the precondition names; nil where there is nothing.
    case conflict(Int64?)
    /// Nothing to delete.
    case missing
    /// The tier is assigned to so many users, roles and domains.
    case inUse(Int64)
    /// The assignment names a tier that is not there.
    case unknownTier(String)
    /// A sentence that names the bound.
    case tooMany(String)
    /// It has been done already, or cannot be done any more; a sentence that says by whom it was.
    case settled(String)
    /// A cursor that no page had.
    case badCursor
    /// What is stored cannot be read; a sentence that names the key.
    case corrupt(String)
}

extension StoreError: CustomStringConvertible {
    /// A sentence for people.
    package var description: String {
        switch self {
        case .unavailable(let sentence), .tooMany(let sentence), .settled(let sentence), .corrupt(let sentence):
            sentence
        case .unknownOutcome(let sentence): "\(sentence); whether the change was made is not known"
        case .exists(let version): "there is one already, of version \(version)"
        case .conflict(let version): version.map { "it is of version \($0) by now" } ?? "there is none"
        case .missing: "there is none"
        case .inUse(let count): "the tier is assigned \(count) times"
        case .unknownTier(let id): "there is no tier \(id)"
        case .badCursor: "no page had that cursor"
        }
    }
}
