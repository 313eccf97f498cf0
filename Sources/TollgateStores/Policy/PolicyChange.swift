import TollgateCore
import TollgatePolicy

/// An edit in the words of the script that makes it (policy_edit.lua).
struct PolicyChange {
    var action: String
    /// The hash, and the field in it.
    var key: String
    var field: String
    /// JSON; nil deletes.
    var item: String?
    /// As the audit log has it.
    var target: String
    /// Whose settings change; nil for what all sidecars keep.
    var scope: Scope?
    /// Whether the policy file has the tier.
    var isInFile = false
    /// What its hash may hold at most; nil for as much as administrators write.
    var most: Int?
    /// The tier that is assigned.
    var tier = ""

    init(_ edit: PolicyEdit, keys: PolicyKeys, bounds: PolicyStore.Bounds) throws {
        switch edit {
        case .setTier(let tier):
            self.init("tier.set", tier: tier.id, keys)
            item = try CanonicalJSON.text(TierJSON(tier))
            most = bounds.tiers
        case .deleteTier(let id, let isInFile):
            self.init("tier.delete", tier: id, keys)
            self.isInFile = isInFile
        case .setAssignment(let assignment, let tierIsInFile):
            self.init("assignment.set", assignment.subject, keys)
            item = try CanonicalJSON.text(AssignmentJSON(assignment))
            tier = assignment.tier
            isInFile = tierIsInFile
            most = scope == nil ? bounds.assignments : nil
        case .deleteAssignment(let subject):
            self.init("assignment.delete", subject, keys)
        case .setLimits(let scope, let limits):
            self.init("limits.set", "limits", of: scope, keys)
            item = try CanonicalJSON.text(LimitsJSON(limits))
        case .deleteLimits(let scope):
            self.init("limits.delete", "limits", of: scope, keys)
        case .setOverride(let scope, let override):
            self.init("override.set", "override", of: scope, keys)
            item = try CanonicalJSON.text(OverrideJSON(override))
        case .clearOverride(let scope):
            self.init("override.clear", "override", of: scope, keys)
        }
    }

    private init(_ action: String, tier id: String, _ keys: PolicyKeys) {
        self.action = action
        key = keys.tiers
        field = id
        target = id
    }

    private init(_ action: String, _ subject: Assignment.Subject, _ keys: PolicyKeys) {
        self.action = action
        (key, field) = keys.place(of: subject)
        if case .user(let user) = subject { scope = user }
        target = subject.id
    }

    private init(_ action: String, _ field: String, of scope: Scope, _ keys: PolicyKeys) {
        self.action = action
        key = keys.settings(of: scope.description)
        self.field = field
        target = scope.description
        self.scope = scope
    }
}
