import TollgateCore
import TollgatePolicy

/// The Redis keys of the settings made by administrators. They share the hash tag `{policy}`, and therefore a slot of a
/// cluster. No scope has that name.
package struct PolicyKeys: Sendable {
    private let prefix: String

    package init(namespace: String) {
        prefix = "\(namespace):{policy}:"
    }

    /// Hash: the id of a tier → `StoredItem`.
    package var tiers: String { prefix + "tiers" }
    /// Hash: the id of an assignment of a role, a domain or everyone → `StoredItem`.
    package var assignments: String { prefix + "assignments" }
    /// Hash: the id of an account → `StoredItem`.
    package var accounts: String { prefix + "accounts" }
    /// Hash of one scope: `assignment`, `limits`, `override` → `StoredItem`. A lookup reads nothing else.
    package func settings(of scope: String) -> String { prefix + "scope:\(scope)" }
    /// The number of the last change.
    package var revision: String { prefix + "revision" }
    /// Hash by which sidecars detect that Redis has lost data (policy/run_marker.lua).
    package var marker: String { prefix + "marker" }
    /// Written and deleted again, to find out whether Redis accepts writes.
    var scratch: String { prefix + "scratch" }
    /// Hash of the running sidecars: the digest of the policy file of each.
    var sidecars: String { prefix + "sidecars" }
    /// Hash of the running sidecars: the version, the start and the addresses of each.
    var sidecarDetails: String { prefix + "sidecars:details" }
    /// Hash of the function libraries in use: name → the time when a sidecar last noted it, Unix ms.
    var libraries: String { prefix + "libraries" }
    /// Sorted set of the ids of all assignments, including those of users, all with score 0.
    package var assignmentIndex: String { prefix + "index:assignments" }
    /// Sorted set of the scopes with limits, all with score 0.
    package var limitsIndex: String { prefix + "index:limits" }
    /// Sorted set of the scopes with an override, by its end (Unix ms).
    package var overridesIndex: String { prefix + "index:overrides" }
    /// The id of the last entry of the audit log whose scope the indexes contain (`ScopeIndex`).
    package var indexed: String { prefix + "index:until" }
    /// Hash: the id of a tier → the number of stored assignments that name it.
    package var assigned: String { prefix + "assigned" }
    /// Set of the kinds of scopes that ever had settings.
    package var kinds: String { prefix + "kinds" }
    /// Stream of the changes by administrators.
    package var audit: String { prefix + "audit" }
    /// Sorted set of the scopes of a kind by the time (Unix ms) of a recent request.
    package func seen(_ kind: String) -> String { prefix + "seen:\(kind)" }
    /// Channel on which every change is published: `12 shared`, or `12 scope user:alice`.
    package var changes: String { prefix + "changes" }

    /// Returns the hash and the field of the assignment of a subject.
    func field(of subject: Assignment.Subject) -> (key: String, field: String) {
        guard case .user(let user) = subject else { return (assignments, subject.id) }
        return (settings(of: user.description), "assignment")
    }
}
