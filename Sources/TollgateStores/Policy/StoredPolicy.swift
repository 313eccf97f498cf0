package import TollgateCore
package import TollgatePolicy

/// Something that an administrator has set, with the number of the change that set it: what an ETag names.
package struct Versioned<Item: Sendable>: Sendable {
    package var item: Item
    package var version: Int64

    package init(_ item: Item, version: Int64) {
        self.item = item
        self.version = version
    }
}

/// The part of the store that every sidecar keeps whole.
package struct StoredShared: Sendable {
    /// Of the last change that was there when this was read.
    package var revision: Int64 = 0
    /// By id.
    package var tiers: [String: Versioned<Tier>] = [:]
    package var assignments: [Versioned<Assignment>] = []
    /// The kinds of scopes for which something was ever set.
    package var kinds: Set<ScopeKind> = []

    package init() {}

    package var policy: SharedPolicy {
        SharedPolicy(tiers: tiers.mapValues(\.item), assignments: assignments.map(\.item), kinds: kinds)
    }
}

/// What is stored of one scope.
package struct StoredSettings: Sendable {
    package var assignment: Versioned<Assignment>?
    package var limits: Versioned<[Limit]>?
    package var override: Versioned<Override>?

    package init() {}

    package var settings: ScopeSettings {
        ScopeSettings(assignment: assignment?.item, limits: limits?.item ?? [], override: override?.item)
    }
}
