import TollgateCore

extension Policy {
    /// Reads the text of a policy file.
    ///
    /// - Parameters:
    ///   - yaml: At most 1 MiB.
    ///   - file: The name that problems are reported under. Nothing is read from it.
    /// - Throws: All problems of the file. Invalid YAML and a duplicate key are reported alone.
    package init(yaml: String, file: String) throws(PolicyError) {
        self.init()
        guard let root = try YAMLDocument(yaml: yaml, file: file).root() else { return }
        let reader = PolicyReader(file: file)
        // A file of comments, and one of `---` alone, are empty too.
        if !root.isEmpty { read(root, reader) }
        guard reader.problems.isEmpty else {
            throw PolicyError(problems: reader.problems.sortedByLine())
        }
    }

    /// Reads the text of the policy file of a sidecar.
    ///
    /// Unlike ``init(yaml:file:)`` it rejects a file without limits, unless that says `no_limits: true`. A file that
    /// was emptied, or is still being written, has no limits.
    package init(wholeFile yaml: String, file: String) throws(PolicyError) {
        try self.init(yaml: yaml, file: file)
        guard hasLimits || saysNoLimits else {
            let sentence =
                "no limits: expected at least one under defaults:, scopes:, tiers: or accounts:, or no_limits: true"
            throw PolicyError(problems: [PolicyProblem(file: file, line: 1, path: "", sentence: sentence)])
        }
    }

    /// The keys at the top of a policy file.
    static let keys = [
        "currency", "decimals", "timezone", "reset_hour", "billing_day", "thresholds", "history", "history_days",
        "history_months",
        "kinds", "unknown_kinds", "fold_case", "on_redis_failure", "no_limits", "defaults", "scopes", "tiers",
        "assignments", "prices", "unknown_model", "accounts", "drift_threshold",
    ]

    private mutating func read(_ root: DocumentNode, _ reader: PolicyReader) {
        let entries = reader.entries(
            of: root, at: PolicyReader.Position(line: 1, path: []),
            expected: "a map of settings such as defaults: and scopes:", allowed: Policy.keys)
        if let entry = entries.first(where: { $0.key == "decimals" }) {
            moneyUnit = reader.moneyUnit(entry) ?? moneyUnit
            reader.moneyUnit = moneyUnit
        }
        readKinds(entries, reader)
        for entry in entries { readSetting(entry, reader) }
        calendar = reader.calendar(entries) ?? calendar
        let limits = PolicyLimits(entries, reader)
        defaults = limits.defaults.mapValues { $0.map(\.limit) }
        scopes = limits.scopes.mapValues { $0.map(\.limit) }
        var ofAccounts = limits.scopes.filter(\.key.isAccount)
        if let entry = entries.first(where: { $0.key == "accounts" }) {
            ofAccounts.merge(readAccounts(entry, reader)) { $1 }
        }
        for (scope, limits) in ofAccounts {
            for located in limits {
                guard let reason = reasonOnlyOwnCounts(located.limit, of: scope) else { continue }
                reader.warnings.append(reader.problem(located.position, reason))
            }
        }
        reader.userDefaults = (try? ScopeKind(parsing: "user")).flatMap { limits.defaults[$0] } ?? []
        readTiers(entries, reader)
        if let entry = entries.first(where: { $0.key == "no_limits" }) { readNoLimits(entry, reader) }
        warnings = (limits.warnings(reader) + reader.warnings).sortedByLine()
    }

    /// Reads what is known about kinds, which the other sections are checked by.
    private mutating func readKinds(_ entries: [PolicyReader.Entry], _ reader: PolicyReader) {
        if let entry = entries.first(where: { $0.key == "kinds" }) {
            kinds = reader.kinds(entry) ?? kinds
            reader.namedKinds = kinds
        }
        if let entry = entries.first(where: { $0.key == "fold_case" }) {
            foldedKinds = reader.foldedKinds(entry) ?? foldedKinds
            reader.folded = foldedKinds
        }
        if let entry = entries.first(where: { $0.key == "unknown_kinds" }) {
            unknownKinds = reader.word(entry.value, at: entry.position, as: UnknownKindRule.self) ?? unknownKinds
        }
    }

    private mutating func readSetting(_ entry: PolicyReader.Entry, _ reader: PolicyReader) {
        switch entry.key {
        case "currency": currency = reader.currency(entry) ?? currency
        case "thresholds": thresholds = reader.thresholds(entry.value, at: entry.position) ?? thresholds
        case "history": history = reader.history(entry) ?? history
        case "history_days":
            historyDays =
                reader.wholeNumber(entry.value, at: entry.position, in: 1...400).map(Int.init) ?? historyDays
        case "history_months":
            historyMonths =
                reader.wholeNumber(entry.value, at: entry.position, in: 1...60).map(Int.init) ?? historyMonths
        case "on_redis_failure": onRedisFailure = reader.failureRules(entry)
        case "prices": prices = reader.prices(entry)
        case "unknown_model": unknownModel = reader.unknownModelRule(entry)
        case "drift_threshold":
            driftThreshold =
                reader.wholeNumber(entry.value, at: entry.position, in: 1...1_000).map(Int.init) ?? driftThreshold
        default: break
        }
    }

    /// Reads the accounts, whose limits are those of their scopes. Returns these limits.
    private mutating func readAccounts(
        _ entry: PolicyReader.Entry, _ reader: PolicyReader
    ) -> [Scope: [LocatedLimit]] {
        var limits: [Scope: [LocatedLimit]] = [:]
        for located in reader.accounts(entry) {
            guard let scope = try? Account.scope(located.id) else { continue }
            accounts[located.id] = located.account
            guard !located.limits.isEmpty else { continue }
            guard scopes[scope] == nil else {
                let position = located.limits[0].position
                reader.report(position, "\(scope) has limits under scopes: too; write them in one of the two")
                continue
            }
            limits[scope] = located.limits
            scopes[scope] = located.limits.map(\.limit)
        }
        return limits
    }

    private mutating func readTiers(_ entries: [PolicyReader.Entry], _ reader: PolicyReader) {
        if let entry = entries.first(where: { $0.key == "tiers" }) {
            for tier in reader.tiers(entry) { tiers[tier.id] = TierEntry(tier, .file) }
        }
        if let entry = entries.first(where: { $0.key == "assignments" }) {
            for assignment in reader.assignments(entry, tiers: Set(tiers.keys)) {
                assignments[assignment.subject] = assignment
            }
        }
    }

    /// Reads `no_limits` after the limits, and rejects a file that has both.
    ///
    /// Such a file would still be valid if it were cut off after `no_limits: true`, without any of its limits.
    private mutating func readNoLimits(_ entry: PolicyReader.Entry, _ reader: PolicyReader) {
        saysNoLimits = reader.bool(entry) ?? false
        if saysNoLimits, hasLimits { reader.report(entry.position, "expected false, or a policy without limits") }
    }
}
