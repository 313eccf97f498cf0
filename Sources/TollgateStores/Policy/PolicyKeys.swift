import TollgateCore
import TollgatePolicy

/// The names under which Redis holds what administrators have set. All of them share the hash tag `{policy}`, and so one slot of a
/// cluster; no scope has that name.
package struct PolicyKeys: Sendable {
    private let prefix: String

    package init(namespace: String) {
        prefix = "\(namespace):{policy}:"
    }

    /// Hash: the id of a tier → `StoredItem`.
    package var tiers: String { prefix + "tiers" }
    /// Hash: the id of an assignment of a role, a domain or everyone → `StoredItem`.
    package var assignments: String { prefix + "assignments" }
    /// Hash of one scope: `assignment`, `limits`, `override` → `StoredItem`. All that a look-up reads.
    package func settings(of scope: String) -> String { prefix + "scope:\(scope)" }
    /// Number of the last change.
    package var revision: String { prefix + "revision" }
    /// Hash by which sidecars find out that Redis has lost data (policy/run_marker.lua).
    package var marker: String { prefix + "marker" }
    /// Written and deleted again, to find out whether Redis takes what is written.
    var scratch: String { prefix + "scratch" }
    /// Hash of the sidecars that are there: the digest of the policy file of each.
    package var sidecars: String { prefix + "sidecars" }
    /// Hash of the libraries of functions that sidecars use: name → when one last noted it, Unix ms.
    var libraries: String { prefix + "libraries" }
    /// Sorted set of the ids of all assignments, those of users too, all with score 0.
    package var assignmentIndex: String { prefix + "index:assignments" }
    /// Hash: the id of a tier → how many stored assignments name it, of users and others.
    package var assigned: String { prefix + "assigned" }
    /// Set of the kinds of scopes for which something was ever set.
    package var kinds: String { prefix + "kinds" }
    /// Stream of who changed what.
    package var audit: String { prefix + "audit" }
    /// Sorted set of the scopes of a kind by the time (Unix ms) at which requests were about them.
    package func seen(_ kind: String) -> String { prefix + "seen:\(kind)" }
    /// Channel on which every change is told: `12 shared`, or `12 scope user:alice`.
    package var changes: String { prefix + "changes" }

    /// Where the assignment of a subject is stored.
    func place(of subject: Assignment.Subject) -> (key: String, field: String) {
        guard case .user(let user) = subject else { return (assignments, subject.id) }
        return (settings(of: user.description), "assignment")
    }
}
