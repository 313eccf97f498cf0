import Foundation
import TollgateAdmin
import TollgateCore
import TollgatePolicy

/// The settings of a sidecar as a policy file, with notes about what a policy file cannot contain. Pure.
struct PolicyExport {
    private let includesFile: Bool
    private(set) var document = PolicyDocument()
    /// One line each, without the comment sign.
    private(set) var notes: [String] = []

    /// - Parameter includesFile: Whether to merge the settings of the sidecar's own policy file. Otherwise only those of
    ///   the administrators are exported, with the tiers of the file that they assign.
    init(_ settings: SettingsInForce, includesFile: Bool) throws {
        self.includesFile = includesFile
        if includesFile {
            document.settings = try JSONDocument.root(of: Data(JSONValue.object(settings.fileSettings).json.utf8))
            document.defaults = settings.fileDefaults
            document.scopes = settings.fileScopes
        } else {
            // Without `kinds`, one that looks like a misspelled kind is an error in the file. Without `decimals`, money would
            // be read in another unit.
            var needed: [String: JSONValue] = [:]
            if case .array(let kinds)? = settings.fileSettings["kinds"], !kinds.isEmpty {
                needed["kinds"] = .array(kinds)
            }
            if settings.moneyUnit != .nano { needed["decimals"] = .integer(Int64(settings.moneyUnit.decimals)) }
            if !needed.isEmpty {
                document.settings = try JSONDocument.root(of: Data(JSONValue.object(needed).json.utf8))
            }
        }
        for (id, account) in settings.accounts where includesFile || account.isAdmins {
            try add(account.value, id, isInScopes: settings.limits[Account.scope(id)] != nil)
        }
        for (scope, limits) in settings.limits { add(limits.value, of: scope) }
        addAssignments(settings, includesFile)
        addTiers(settings, includesFile)
        if !settings.overrides.isEmpty {
            notes.append("Overrides are temporary, so a policy file cannot contain them. These are active:")
            notes += settings.overrides.map { "  \($0["scope"].text): \($0.without("scope", "version").json)" }
        }
    }

    /// Adds limits, which take precedence over the same limits of the scope.
    private mutating func add(_ limits: [Limit], of scope: Scope) {
        document.scopes[scope] = Limit.merged(limits, over: document.scopes[scope] ?? [])
    }

    /// Adds an account with its limits. A policy file has them with the account or under `scopes`, but not both.
    private mutating func add(_ account: Account, _ id: String, isInScopes: Bool) throws {
        var account = account
        let scope = try Account.scope(id)
        if !account.limits.isEmpty, isInScopes || document.scopes[scope] != nil {
            add(account.limits, of: scope)
            account.limits = []
        }
        document.accounts[id] = account
    }

    private mutating func addAssignments(_ settings: SettingsInForce, _ includesFile: Bool) {
        let chosen = settings.assignments.values.filter { includesFile || $0.isAdmins }.map(\.value)
            .sorted { ($0.order, $0.subject.id) < ($1.order, $1.subject.id) }
        document.assignments = chosen.filter { settings.tiers[$0.tier] != nil }
        let lost = chosen.filter { settings.tiers[$0.tier] == nil }
        guard !lost.isEmpty else { return }
        notes.append("These assignments have no effect and are not in this file, because their tier does not exist:")
        notes += lost.map { "  \($0.subject.id): \($0.tier)" }
    }

    private mutating func addTiers(_ settings: SettingsInForce, _ includesFile: Bool) {
        let assigned = Set(document.assignments.map(\.tier))
        let chosen = settings.tiers.filter { includesFile || $0.value.isAdmins || assigned.contains($0.key) }
        document.tiers = chosen.values.map(\.value)
        let ofFile = chosen.filter { !$0.value.isAdmins }.keys.sorted()
        guard !includesFile, !ofFile.isEmpty else { return }
        notes.append(
            "From the sidecar's policy file, because administrators have assigned them: \(ofFile.joined(separator: ", "))"
        )
    }

    /// The policy file in YAML.
    func yaml() throws -> String {
        let title =
            includesFile
            ? "The policy file and what administrators have set."
            : "What administrators have set through the admin API."
        return ([title] + notes).map(YAMLWriter.comment).joined() + YAMLWriter.text(of: try document.root())
    }

    /// The policy file and the notes as JSON: `{"notes":[…],"policy":{…}}`.
    func json() throws -> String {
        JSONValue.object([
            "notes": .array(notes.map { .string($0) }), "policy": JSONValue(try document.root()),
        ]).json
    }
}
