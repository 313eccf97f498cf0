package import TollgateCore
package import TollgatePolicy

/// A change of settings by an administrator.
package enum PolicyEdit: Sendable {
    case setTier(Tier)
    /// Deletes a tier. With `isInFile` it may still be assigned: the policy file's tier of that id then applies.
    case deleteTier(String, isInFile: Bool)
    /// Assigns a tier. Without `tierIsInFile` the tier must exist in the store.
    case setAssignment(Assignment, tierIsInFile: Bool)
    case deleteAssignment(Assignment.Subject)
    case setLimits(Scope, [Limit])
    case deleteLimits(Scope)
    case setOverride(Scope, Override)
    case clearOverride(Scope)
    /// Sets an account. The policy file has this number of accounts besides it that administrators have not replaced.
    case setAccount(String, Account, ofFile: Int)
    case deleteAccount(String)
}

/// The state that must exist for a change to be made.
package enum Precondition: Sendable, Equatable {
    /// No item, or an override that has ended. Protects items that the client has not seen.
    case absent
    /// The item has this version; 0 is the version of no item.
    case version(Int64)
    /// Any item.
    case any

    /// The argument of policy/edit.lua.
    var word: String {
        switch self {
        case .absent: "absent"
        case .version(let version): "\(version)"
        case .any: "any"
        }
    }
}
