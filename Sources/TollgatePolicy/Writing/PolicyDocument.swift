import Foundation
package import TollgateCore

/// The contents of a policy file to write. `Policy(yaml:)` reads the text as the same settings. Pure.
package struct PolicyDocument: Sendable {
    /// The settings other than limits, tiers, assignments and accounts, with the keys of the file; nil for none.
    package var settings: DocumentNode?
    package var defaults: [ScopeKind: [Limit]] = [:]
    package var scopes: [Scope: [Limit]] = [:]
    package var tiers: [Tier] = []
    /// In the order of the file, which decides between equal priorities.
    package var assignments: [Assignment] = []
    /// The accounts by id. Their limits are written with them, and must not be among those of ``scopes``.
    package var accounts: [String: Account] = [:]

    package init() {}

    /// The keys of a policy file whose values are not settings.
    package static let sections = ["no_limits", "defaults", "scopes", "tiers", "assignments", "accounts"]

    /// The keys of a policy file that are settings.
    package static var settingKeys: [String] { Policy.keys.filter { !sections.contains($0) } }

    /// The document as a map, with the keys in the order of the example policy. Equal documents are equal maps.
    package func root() throws -> DocumentNode {
        var members = (settings?.members ?? []).filter { Self.settingKeys.contains($0.key.text ?? "") }
        members.sort { Self.index(of: $0.key) < Self.index(of: $1.key) }
        if !hasLimits { members.append(.init("no_limits", DocumentNode(.scalar("true", isPlain: true)))) }
        try append("defaults", defaults.map { ($0.key.description, $0.value) }, to: &members)
        try append("scopes", scopes.map { ($0.key.description, $0.value) }, to: &members)
        if !tiers.isEmpty {
            let tiers = try tiers.sorted { $0.id < $1.id }.map { try DocumentNode.Member($0.id, Self.node($0)) }
            members.append(.init("tiers", DocumentNode(.map(tiers))))
        }
        if !assignments.isEmpty {
            let assignments = try assignments.map { try Self.node($0) }
            members.append(.init("assignments", DocumentNode(.list(assignments))))
        }
        if !accounts.isEmpty {
            let accounts = try accounts.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
                .map { try DocumentNode.Member($0.key, Self.node($0.value)) }
            members.append(.init("accounts", DocumentNode(.map(accounts))))
        }
        return DocumentNode(.map(members))
    }

    private var hasLimits: Bool {
        defaults.values.contains { !$0.isEmpty } || scopes.values.contains { !$0.isEmpty }
            || tiers.contains { !$0.limits.isEmpty } || accounts.values.contains { !$0.limits.isEmpty }
    }

    private static func index(of key: DocumentNode) -> Int {
        Policy.keys.firstIndex(of: key.text ?? "") ?? Policy.keys.count
    }

    private func append(
        _ section: String, _ limits: [(key: String, limits: [Limit])], to members: inout [DocumentNode.Member]
    ) throws {
        guard !limits.isEmpty else { return }
        let entries = try limits.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { try DocumentNode.Member($0.key, Self.node($0.limits)) }
        members.append(.init(section, DocumentNode(.map(entries))))
    }

    // MARK: - Nodes

    /// Limits with meters and periods in order, and money as numbers, as the policy file has it.
    private static func node(_ limits: [Limit]) throws -> DocumentNode {
        let meters = try node(of: LimitsJSON(limits)).members ?? []
        let sorted = meters.compactMap { member in Meter(name: member.key.text ?? "").map { ($0, member.value) } }
            .sorted { $0.0.rawValue < $1.0.rawValue }
        return DocumentNode(
            .map(
                sorted.map { meter, value in
                    guard meter != .concurrent else { return .init(meter.name, value) }
                    let periods = (value.members ?? []).sorted { period(of: $0.key) < period(of: $1.key) }
                        .map { DocumentNode.Member(key: $0.key, value: meter == .cost ? plain($0.value) : $0.value) }
                    return .init(meter.name, DocumentNode(.map(periods)))
                }))
    }

    private static func period(of key: DocumentNode) -> Period {
        (try? Period(parsing: key.text ?? "")) ?? .reservation
    }

    /// The amount, or the `max`, without quotes.
    private static func plain(_ limit: DocumentNode) -> DocumentNode {
        switch limit.content {
        case .scalar(let text, _): return DocumentNode(.scalar(text, isPlain: true))
        case .map(let members):
            return DocumentNode(
                .map(members.map { $0.key.text == "max" ? .init(key: $0.key, value: plain($0.value)) : $0 }))
        case .list: return limit
        }
    }

    private static func node(_ tier: Tier) throws -> DocumentNode {
        let members = (try node(of: TierJSON(tier)).members ?? []).filter { $0.key.text != "limits" }
        return DocumentNode(.map(members + [.init("limits", try node(tier.limits))]))
    }

    private static func node(_ account: Account) throws -> DocumentNode {
        let members = (try node(of: account).members ?? []).filter { $0.key.text != "limits" }
        let limits = account.limits.isEmpty ? [] : [DocumentNode.Member("limits", try node(account.limits))]
        return DocumentNode(.map(members + limits))
    }

    /// An assignment without the values that it has by default.
    private static func node(_ assignment: Assignment) throws -> DocumentNode {
        let usual = Assignment(assignment.subject, tier: assignment.tier)
        let isTrue = DocumentNode(.scalar("true", isPlain: true))
        let name = assignment.subject.name.map { DocumentNode(.scalar($0, isPlain: false)) } ?? isTrue
        let members = (try node(of: AssignmentJSON(assignment)).members ?? []).filter { member in
            switch member.key.text {
            case "priority": assignment.priority != usual.priority
            case "enabled": !assignment.isEnabled
            default: true
            }
        }
        return DocumentNode(.map([.init(assignment.subject.kind, name)] + members.reversed()))
    }

    private static func node(of value: some Encodable) throws -> DocumentNode {
        try JSONDocument.root(of: Data(CanonicalJSON.text(value).utf8))
    }
}

extension DocumentNode.Member {
    fileprivate init(_ key: String, _ value: DocumentNode) {
        self.init(key: DocumentNode(.scalar(key, isPlain: false)), value: value)
    }
}
