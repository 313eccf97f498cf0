package import TollgateCore
package import TollgatePolicy

/// One change that an administrator makes.
package enum PolicyEdit: Sendable {
    case setTier(Tier)
    /// `isInFile`: users that have it get the file's tier of that id, so it may go although it is assigned.
    case deleteTier(String, isInFile: Bool)
    /// `tierIsInFile`: otherwise the store has to have it.
    case setAssignment(Assignment, tierIsInFile: Bool)
    case deleteAssignment(Assignment.Subject)
    case setLimits(Scope, [Limit])
    case deleteLimits(Scope)
    case setOverride(Scope, Override)
    case clearOverride(Scope)
}

/// What has to be there for a change to be made.
package enum Precondition: Sendable, Equatable {
    /// Nothing (an override that has ended is nothing): what would be replaced or deleted unseen stays.
    case absent
    /// That version and no other; 0 is that of nothing.
    case version(Int64)
    /// Something, whatever it is.
    case any
}

/// Who makes a change, as the audit log has it.
package struct Author: Sendable, Equatable {
    /// Of the token, or the subject of a JWT.
    package var name: String
    /// Where the request came from.
    package var address: String

    package init(name: String, address: String) {
        self.name = name
        self.address = address
    }
}

/// An entry of the audit log.
package struct AuditEntry: Sendable {
    /// Its place in the stream: `1795264800000-0`.
    package var id: String
    /// Unix ms, Redis's clock.
    package var at: Int64
    package var author: Author
    /// `tier.set`, `tier.delete`, `assignment.set`, `assignment.delete`, `limits.set`, `limits.delete`, `override.set`,
    /// `override.clear`, `scope.reset`, `alert.acknowledge`, `alert.resolve`
    package var action: String
    /// The id of the tier, the assignment or the alert, or the scope.
    package var target: String
    /// JSON; nil where there was nothing, or is nothing any more.
    package var before: String?
    package var after: String?
    /// Number of the change; nil for what is no change of what administrators have set.
    package var revision: Int64?

    package init(
        id: String, at: Int64, author: Author, action: String, target: String, before: String?, after: String?,
        revision: Int64?
    ) {
        self.id = id
        self.at = at
        self.author = author
        self.action = action
        self.target = target
        self.before = before
        self.after = after
        self.revision = revision
    }
}

/// A part of a list, and where the next one begins.
package struct Page<Item: Sendable>: Sendable {
    package var items: [Item]
    /// To be passed on as it is; nil at the end.
    package var next: String?

    package init(items: [Item], next: String?) {
        self.items = items
        self.next = next
    }
}
