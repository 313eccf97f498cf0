import NIOCore
import TollgateCore
import TollgatePolicy
import TollgateRedis

/// The call of policy/edit.lua that makes an edit, and its reply.
struct PolicyChange {
    var action: String
    /// The hash.
    var key: String
    /// The field in the hash.
    var field: String
    /// The item as JSON; nil deletes it.
    var item: String?
    /// The target in the audit log.
    var target: String
    /// The scope whose settings change; nil for settings that all sidecars cache.
    var scope: Scope?
    /// Whether the policy file contains the tier.
    var isInFile = false
    /// The maximum number of items in the hash; nil for no bound, negative for no more items.
    var maxItems: Int?
    /// The tier that is assigned.
    var tier = ""

    init(_ edit: PolicyEdit, keys: PolicyKeys, bounds: PolicyStore.Bounds) throws {
        switch edit {
        case .setTier(let tier):
            self.init("tier.set", item: tier.id, of: keys.tiers)
            item = try CanonicalJSON.text(TierJSON(tier))
            maxItems = bounds.tiers
        case .deleteTier(let id, let isInFile):
            self.init("tier.delete", item: id, of: keys.tiers)
            self.isInFile = isInFile
        case .setAssignment(let assignment, let tierIsInFile):
            self.init("assignment.set", assignment.subject, keys)
            item = try CanonicalJSON.text(AssignmentJSON(assignment))
            tier = assignment.tier
            isInFile = tierIsInFile
            maxItems = scope == nil ? bounds.assignments : nil
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
        case .setAccount(let id, let account, let ofFile):
            self.init("account.set", item: id, of: keys.accounts)
            item = try CanonicalJSON.text(account)
            // 0 would be no bound.
            maxItems = Account.maxCount > ofFile ? Account.maxCount - ofFile : -1
        case .deleteAccount(let id):
            self.init("account.delete", item: id, of: keys.accounts)
        }
    }

    private init(_ action: String, item id: String, of key: String) {
        self.action = action
        self.key = key
        field = id
        target = id
    }

    private init(_ action: String, _ subject: Assignment.Subject, _ keys: PolicyKeys) {
        self.action = action
        (key, field) = keys.field(of: subject)
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

    // MARK: - The call

    /// KEYS, in the order of policy/edit.lua.
    func functionKeys(_ keys: PolicyKeys) -> [String] {
        [key, keys.revision, keys.audit, keys.assigned, keys.assignmentIndex, keys.tiers]
            + (scope == nil ? [] : [keys.kinds, keys.limitsIndex, keys.overridesIndex])
    }

    /// ARGV, in the order of policy/edit.lua.
    ///
    /// - Parameter revision: The highest revision that this sidecar has seen.
    func arguments(
        if precondition: Precondition, by author: Author, channel: String, revision: Int64
    ) -> [String] {
        [
            action, field, item ?? "", precondition.word, target, isInFile ? "1" : "0", "\(maxItems ?? 0)",
            scope?.description ?? "", channel, author.name, author.address, scope?.kind.description ?? "",
            "\(revision)",
        ]
    }

    /// Decodes the reply: the number of the change. Throws if the change was refused.
    func number(_ reply: RedisReply, _ keys: PolicyKeys) throws(StoreError) -> Int64 {
        guard case .array(let words) = try reply.checked(of: key), words.count == 2,
            case .bulk(let status) = words[0], case .integer(let number) = words[1]
        else { throw .unexpectedReply(about: key) }
        switch String(buffer: status) {
        case "done": return number
        case "exists": throw .exists(number)
        case "conflict": throw .conflict(number < 0 ? nil : number)
        case "missing": throw .missing
        case "in_use": throw .inUse(number)
        case "unknown_tier": throw .unknownTier(tier)
        case "too_many":
            guard key != keys.accounts else {
                throw .tooMany("there can be at most \(Account.maxCount) accounts, with those of the policy file")
            }
            let items = key == keys.tiers ? "tiers" : "assignments of roles and domains"
            throw .tooMany("at most \(number) \(items) can be set")
        case "corrupt": throw .corrupt("\(key), field \(field): malformed value")
        case "other_type": throw .corrupt("\(functionKeys(keys)[Int(number) - 1]): wrong data type")
        case let status: throw .unavailable("unexpected reply from policy/edit: \(status)")
        }
    }
}
