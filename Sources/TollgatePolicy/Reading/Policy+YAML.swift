import Yams

extension Policy {
    /// Reads a policy file's text.
    ///
    /// - Parameters:
    ///   - yaml: at most 1 MiB.
    ///   - file: the name that problems are reported under; nothing is read from it.
    /// - Throws: `PolicyError` with everything that is wrong, unless the text is not YAML at all, or has a key twice in one
    ///   map: that is reported alone.
    package init(yaml: String, file: String) throws(PolicyError) {
        self.init()
        guard let root = try PolicyText(yaml: yaml, file: file).root() else { return }
        let reader = PolicyReader(file: file)
        // A file of comments, and a lone `---`, are empty too.
        if !root.isEmpty { read(root, reader) }
        guard reader.problems.isEmpty else {
            throw PolicyError(problems: reader.problems.sortedByLine())
        }
    }

    /// Reads the text of a file that a sidecar is to decide by: as `init(yaml:file:)`, but a text without a single limit has to say
    /// `no_limits: true`. A file that was emptied, or that is just being written, does not.
    package init(wholeFile yaml: String, file: String) throws(PolicyError) {
        try self.init(yaml: yaml, file: file)
        guard hasLimits || saysNoLimits else {
            let sentence = "no limits: expected at least one under defaults:, scopes: or tiers:, or no_limits: true"
            throw PolicyError(problems: [PolicyProblem(file: file, line: 1, path: "", sentence: sentence)])
        }
    }

    static let keys = [
        "currency", "timezone", "reset_hour", "billing_day", "thresholds", "history", "history_days", "history_months",
        "on_redis_failure", "no_limits", "defaults", "scopes", "tiers", "assignments",
    ]

    private mutating func read(_ root: Node, _ reader: PolicyReader) {
        let top = PolicyReader.Place(line: 1, path: [])
        let entries = reader.entries(
            of: root, at: top, expected: "a map of settings such as defaults: and scopes:",
            allowed: Policy.keys)
        for entry in entries { readSetting(entry, reader) }
        calendar = reader.calendar(entries) ?? calendar
        let limits = PolicyLimits(entries, reader)
        defaults = limits.defaults.mapValues { $0.map(\.limit) }
        scopes = limits.scopes.mapValues { $0.map(\.limit) }
        readTiers(entries, reader)
        if let entry = entries.first(where: { $0.key == "no_limits" }) { readNoLimits(entry, reader) }
        warnings = (limits.warnings(reader) + reader.warnings).sortedByLine()
    }

    private mutating func readTiers(_ entries: [PolicyReader.Entry], _ reader: PolicyReader) {
        if let entry = entries.first(where: { $0.key == "tiers" }) {
            for tier in reader.tiers(entry) { tiers[tier.id] = PlacedTier(tier, .file) }
        }
        if let entry = entries.first(where: { $0.key == "assignments" }) {
            for assignment in reader.assignments(entry, tiers: Set(tiers.keys)) {
                assignments[assignment.subject] = assignment
            }
        }
    }

    /// After the limits. A file with both is cut off behind `no_limits: true` without becoming a wrong one, and so is refused.
    private mutating func readNoLimits(_ entry: PolicyReader.Entry, _ reader: PolicyReader) {
        saysNoLimits = reader.truth(entry) ?? false
        if saysNoLimits, hasLimits { reader.report(entry.place, "expected false, or no limits beside it") }
    }

    private mutating func readSetting(_ entry: PolicyReader.Entry, _ reader: PolicyReader) {
        switch entry.key {
        case "currency": currency = reader.currency(entry) ?? currency
        case "thresholds": thresholds = reader.thresholds(entry.value, at: entry.place) ?? thresholds
        case "history": history = reader.history(entry) ?? history
        case "history_days":
            historyDays = reader.wholeNumber(entry.value, at: entry.place, in: 1...400).map(Int.init) ?? historyDays
        case "history_months":
            historyMonths = reader.wholeNumber(entry.value, at: entry.place, in: 1...60).map(Int.init) ?? historyMonths
        case "on_redis_failure": onRedisFailure = reader.failureRules(entry)
        default: break
        }
    }
}

extension [PolicyProblem] {
    /// In the order of the lines, and of the reading within a line.
    package func sortedByLine() -> [PolicyProblem] {
        enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }.map(\.element)
    }
}
