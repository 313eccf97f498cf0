import TollgateCore
package import TollgatePolicy

/// What is known of a scope beside its limits, and for how long its plan may be used. Owned by the cache's event loop.
struct ScopeStanding {
    /// What administrators have set for the scope; nil for nothing, as nearly always.
    var settings: SettingsBox?
    /// The tick of the cache's clock at which that was looked up; 0 when it has to be looked up before the plan is used.
    var lookedUp: UInt32 = 0
    /// Whether it is about to be looked up again.
    var isAging = false
    /// Of the policy that the plan was made from; 0 when it has to be made anew.
    var policyNumber: UInt32 = 0
    /// Unix ms by Redis's clock: when an override ends.
    var endsAt = Int64.max
    /// Whether the limits depend on what requests say of the user.
    var isUser = false
    /// What the request said of the user for which the plan was last chosen (`UserTraits.bytes`).
    var traits: [UInt8] = []
    /// Other plans of the same user, with other limits as they follow from other traits.
    var others: [ScopePlan] = []
}

/// Settings behind a pointer: hundreds of thousands of plans have none.
final class SettingsBox {
    let settings: ScopeSettings

    init(_ settings: ScopeSettings) {
        self.settings = settings
    }
}

extension UserTraits {
    /// `Faculty,Staff⏎a@example.com` as requests name them; empty where they name neither.
    init(bytes: some Collection<UInt8>) {
        let parts = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        let roles = parts.first.map { String(decoding: $0, as: UTF8.self) } ?? ""
        let email = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
        self.init(
            roles: roles.split(separator: ",").map(String.init), email: email.isEmpty ? nil : email)
    }

    /// What `init(bytes:)` reads.
    package var bytes: [UInt8] {
        roles.isEmpty && email == nil ? [] : Array("\(roles.joined(separator: ","))\n\(email ?? "")".utf8)
    }
}
