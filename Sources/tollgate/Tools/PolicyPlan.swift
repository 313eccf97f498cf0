import Foundation
import TollgateAdmin
import TollgateCore
import TollgatePolicy

/// The changes that make the settings of administrators equal to a policy file. Pure.
///
/// A setting that the sidecar's own policy file has equally needs no change. Settings of that file which the other one
/// lacks stay in force.
struct PolicyPlan {
    /// One request to the API, and its effect in words.
    struct Change {
        /// What changes, such as `tier premium`, `role:Faculty` or `tool:search`.
        var target: String
        /// How it changes, such as `added: cost/month=500`.
        var words: String
        var request: AdminRequest

        var text: String { "\(target) \(words)" }
    }

    /// In the order in which the API accepts them: a tier is set before its assignments, and deleted after them.
    private(set) var changes: [Change] = []
    /// Sentences about settings that differ and that the API cannot change.
    private(set) var differences: [String] = []
    /// Sentences about differences that remain after the changes.
    private(set) var notes: [String] = []

    /// - Parameters:
    ///   - policy: The contents of the file.
    ///   - keys: The top-level keys of the file. Only these are compared.
    init(_ policy: Policy, keys: [String], now: SettingsInForce) throws {
        try compareSettings(policy, keys, now)
        for id in policy.tiers.keys.sorted() { try planTier(policy.tiers[id]?.tier, id, now) }
        let assignments = policy.assignments.values.sorted { $0.order < $1.order }
        for assignment in assignments { try planAssignment(assignment, assignment.subject, now) }
        let accounts = policy.accounts.sorted { $0.key < $1.key }
        for (id, account) in accounts { try planAccount(account, id, policy, now) }
        let scopes = Set(policy.scopes.keys).union(now.limits.keys)
            .subtracting(try accounts.map { try Account.scope($0.key) })
        for scope in scopes.sorted(by: Self.precedes) { try planLimits(policy.scopes[scope] ?? [], of: scope, now) }
        let subjects = now.assignments.keys.filter { policy.assignments[$0] == nil }
        for subject in subjects.sorted(by: { $0.id < $1.id }) { try planAssignment(nil, subject, now) }
        for id in now.tiers.keys.sorted() where policy.tiers[id] == nil { try planTier(nil, id, now) }
        for id in now.accounts.keys.sorted() where policy.accounts[id] == nil {
            remove(.init(.delete, "v1", "accounts", id), "account \(id)", now.accounts[id]?.version)
        }
        noteOrder(of: assignments, now)
    }

    /// One line a change, and one a note. A terminal wraps them.
    func text(on terminal: Terminal) -> String {
        let lines = changes.isEmpty ? ["nothing to change"] : changes.map(\.text)
        return (lines + notes.map { "note: \($0)" }).flatMap { terminal.fitted(JSONValue.printable($0), indent: 4) }
            .joined(separator: "\n")
    }

    private static func precedes(_ lhs: Scope, _ rhs: Scope) -> Bool { lhs.description < rhs.description }

    // MARK: - Settings of the file only

    private mutating func compareSettings(_ policy: Policy, _ keys: [String], _ now: SettingsInForce) throws {
        let settings = try JSONValue(JSONDocument.root(of: Data(CanonicalJSON.text(PolicySettingsJSON(policy)).utf8)))
        for key in PolicyDocument.settingKeys where keys.contains(key) || key == "decimals" {
            let current = key == "decimals" ? .integer(Int64(now.moneyUnit.decimals)) : now.fileSettings[key] ?? .null
            guard settings[key] != current else { continue }
            let isMissing = key == "decimals" && !keys.contains(key)
            differences.append(
                isMissing
                    ? "the file has no decimals, which means \(settings[key].text), and \(current.text) is in force: "
                        + "add decimals: \(current.text)"
                    : "\(key): \(settings[key].text) in the file, \(current.text) in force")
        }
        guard keys.contains("defaults") else { return }
        for kind in Set(policy.defaults.keys).union(now.fileDefaults.keys).sorted(by: { "\($0)" < "\($1)" }) {
            let words = PolicyWords.changes(from: now.fileDefaults[kind] ?? [], to: policy.defaults[kind] ?? [])
            if !words.isEmpty { differences.append("defaults.\(kind): \(words)") }
        }
    }

    // MARK: - Settings of administrators

    private mutating func planTier(_ wanted: Tier?, _ id: String, _ now: SettingsInForce) throws {
        let current = now.tiers[id]
        guard let wanted else {
            if let current { remove(.init(.delete, "v1", "tiers", id), "tier \(id)", current.version) }
            return
        }
        guard wanted != current?.value else { return }
        let words =
            current.map { PolicyWords.changes(from: $0.value, to: wanted) } ?? "added: \(PolicyWords.tier(wanted))"
        set(.init(.put, "v1", "tiers", id, body: try AdminBody.tier(wanted)), "tier \(id)", current?.version, words)
    }

    private mutating func planAssignment(
        _ wanted: Assignment?, _ subject: Assignment.Subject, _ now: SettingsInForce
    ) throws {
        let current = now.assignments[subject]
        guard let wanted else {
            if let current { remove(.init(.delete, "v1", "assignments", subject.id), subject.id, current.version) }
            return
        }
        let words = PolicyWords.assignment(wanted)
        let before = current.map { PolicyWords.assignment($0.value) }
        guard words != before else { return }
        set(
            .init(.put, "v1", "assignments", subject.id, body: try CanonicalJSON.text(AssignmentJSON(wanted))),
            subject.id, current?.version, before.map { "changed from \($0) to \(words)" } ?? "added: \(words)")
    }

    /// Plans an account, and the limits of its scope. Those of a file are among the limits of its scopes. Administrators may
    /// have set some with the account, and others, which take precedence, for the scope.
    private mutating func planAccount(
        _ wanted: Account, _ id: String, _ policy: Policy, _ now: SettingsInForce
    ) throws {
        let scope = try Account.scope(id)
        let current = now.accounts[id]
        let own = current?.value.limits ?? []
        var account = wanted
        account.limits = Self.needed(policy.scopes[scope] ?? [], of: scope, besides: own, now)
        if let ofScope = now.limits[scope]?.value {
            let inForce = Limit.merged(ofScope, over: own)
            let needed = Self.needed(policy.scopes[scope] ?? [], of: scope, besides: inForce, now)
            account.limits = needed == inForce ? own : []
            if needed != inForce { try planLimits(policy.scopes[scope] ?? [], of: scope, now) }
        }
        guard account != current?.value else { return }
        let body = try AdminBody.account(account)
        do throws(PolicyError) {
            _ = try PolicyJSON.account(Data(body.utf8), id: id, policy.moneyUnit)
        } catch {
            differences += error.problems.map {
                "\(["accounts", id, $0.path].filter { !$0.isEmpty }.joined(separator: ".")): \($0.sentence)"
            }
            return
        }
        let words =
            current.map { PolicyWords.changes(from: $0.value, to: account) } ?? "added: \(PolicyWords.account(account))"
        set(.init(.put, "v1", "accounts", id, body: body), "account \(id)", current?.version, words)
    }

    /// The limits that administrators must set: those that differ from the sidecar's file, and those that they have set
    /// already.
    private static func needed(
        _ wanted: [Limit], of scope: Scope, besides own: [Limit], _ now: SettingsInForce
    ) -> [Limit] {
        wanted.filter { limit in
            own.contains { $0.name == limit.name } || !(now.fileScopes[scope] ?? []).contains(limit)
        }
    }

    /// Plans the limits of administrators, which are those that differ from the sidecar's file, and those that
    /// administrators have set already.
    private mutating func planLimits(_ wanted: [Limit], of scope: Scope, _ now: SettingsInForce) throws {
        let current = now.limits[scope]
        let needed = Self.needed(wanted, of: scope, besides: current?.value ?? [], now)
        guard needed != current?.value ?? [] else { return }
        let text = scope.description
        guard !needed.isEmpty else {
            return remove(.init(.delete, "v1", "scopes", text, "limits"), text, current?.version)
        }
        set(
            .init(.put, "v1", "scopes", text, "limits", body: try AdminBody.limits(needed)), text, current?.version,
            current.map { PolicyWords.changes(from: $0.value, to: needed) } ?? "added: \(PolicyWords.limits(needed))")
    }

    private mutating func set(_ request: AdminRequest, _ target: String, _ version: Int64?, _ words: String) {
        changes.append(Change(target: target, words: words, request: request.matching("\"\(version ?? 0)\"")))
    }

    /// Removes a setting of an administrator. Settings of the sidecar's file have no version, and stay.
    private mutating func remove(_ request: AdminRequest, _ target: String, _ version: Int64?) {
        guard let version else { return }
        changes.append(Change(target: target, words: "removed", request: request.matching("\"\(version)\"")))
    }

    /// Notes roles of equal priority that are assigned already in another order than that of the file.
    private mutating func noteOrder(of assignments: [Assignment], _ now: SettingsInForce) {
        var last: [Int: Assignment] = [:]
        for assignment in assignments where assignment.subject.kind == "role" {
            if let before = last[assignment.priority], let order = now.assignments[assignment.subject]?.value.order,
                order < now.assignments[before.subject]?.value.order ?? .max
            {
                notes.append(
                    "\(assignment.subject.id) still precedes \(before.subject.id), because it was assigned first: "
                        + "give them different priorities")
            }
            last[assignment.priority] = assignment
        }
    }
}
