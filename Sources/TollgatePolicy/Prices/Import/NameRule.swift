/// A rule of genai-prices for the name of a model. Letters match in either case.
indirect enum NameRule {
    /// A name, or the beginning of names.
    struct Name: Hashable {
        let text: String
        let isPrefix: Bool
        /// The beginning without the `*`, in lower case.
        fileprivate let folded: String

        fileprivate init(_ text: String, isPrefix: Bool = false) {
            self.text = isPrefix ? text + "*" : text
            self.isPrefix = isPrefix
            folded = text.lowercased()
        }

        /// Whether a price file can have the name, with the same meaning.
        var isUsable: Bool { !folded.contains("*") && PriceTable.Provider.isName(text) }
    }

    case equals(String)
    case startsWith(String)
    case endsWith(String)
    case contains(String)
    case anyOf([NameRule])
    case allOf([NameRule])
    case regex(Regex<AnyRegexOutput>)
    /// An unknown rule. It matches nothing.
    case other

    /// Reads a map with one rule.
    init(_ node: DocumentNode?) {
        guard let member = node?.members?.first, node?.members?.count == 1, let word = member.key.text else {
            self = .other
            return
        }
        switch (word, member.value.text, member.value.items) {
        case ("equals", let text?, _): self = .equals(text)
        case ("starts_with", let text?, _): self = .startsWith(text)
        case ("ends_with", let text?, _): self = .endsWith(text)
        case ("contains", let text?, _): self = .contains(text)
        case ("or", _, let items?): self = .anyOf(items.map { NameRule($0) })
        case ("and", _, let items?) where !items.isEmpty: self = .allOf(items.map { NameRule($0) })
        case ("regex", let text?, _): self = (try? Regex(text)).map(NameRule.regex) ?? .other
        default: self = .other
        }
    }

    /// The names and prefixes in the rule, which it matches unless it is one of several conditions. Of a text that may be
    /// anywhere in a name, those names that begin with it.
    var names: [Name] {
        switch self {
        case .equals(let text), .endsWith(let text): [Name(text)]
        case .startsWith(let text), .contains(let text): [Name(text, isPrefix: true)]
        case .anyOf(let rules): rules.flatMap(\.names)
        // A condition may rule out some names with a beginning, but not the one that is nothing more.
        case .allOf(let rules):
            rules.flatMap(\.names).flatMap { $0.isPrefix ? [$0, Name(String($0.text.dropLast()))] : [$0] }
        case .regex, .other: []
        }
    }

    /// The kinds of rules that match more names than ``names``.
    var narrowedKinds: [String] {
        switch self {
        case .equals, .startsWith: []
        case .endsWith: ["ends_with"]
        case .contains: ["contains"]
        case .anyOf(let rules): rules.flatMap(\.narrowedKinds)
        case .allOf: ["and"]
        case .regex: ["regex"]
        case .other: ["other"]
        }
    }

    /// Whether the rule matches a name, or all names with a beginning.
    func matches(_ name: Name) -> Bool {
        switch self {
        case .equals(let text): !name.isPrefix && name.folded == text.lowercased()
        case .startsWith(let text): name.folded.hasPrefix(text.lowercased())
        case .endsWith(let text): !name.isPrefix && name.folded.hasSuffix(text.lowercased())
        case .contains(let text): name.folded.contains(text.lowercased())
        case .anyOf(let rules): rules.contains { $0.matches(name) }
        case .allOf(let rules): rules.allSatisfy { $0.matches(name) }
        case .regex(let regex): !name.isPrefix && name.folded.firstMatch(of: regex) != nil
        case .other: false
        }
    }
}

// MARK: - The first match

extension NameRule {
    /// Finds the first of many rules that matches a name. Rules that are only names are found by the name.
    struct Index {
        /// The maximum number of comparisons.
        private static let maxComparisons = 5_000_000

        private var byName: [String: Int] = [:]
        private var patterns: [(number: Int, rule: NameRule)] = []

        /// Creates an index; nil if looking up all names would take too many comparisons.
        init?(_ rules: [NameRule]) {
            var names = 0
            for (number, rule) in rules.enumerated() {
                names += rule.names.count
                guard let texts = rule.equalTexts else {
                    patterns.append((number, rule))
                    continue
                }
                for text in texts where byName[text] == nil { byName[text] = number }
            }
            let clauses = patterns.reduce(0) { $0 + $1.rule.size }
            guard names * clauses <= Self.maxComparisons else { return nil }
        }

        /// The number of the first rule that matches; nil if none does.
        func firstMatch(of name: Name) -> Int? {
            let exact = name.isPrefix ? nil : byName[name.folded]
            let pattern = patterns.first { $0.number < exact ?? .max && $0.rule.matches(name) }
            return pattern?.number ?? exact
        }
    }

    /// The names in lower case, of a rule that matches these and no others; nil for other rules.
    private var equalTexts: [String]? {
        switch self {
        case .equals(let text): return [text.lowercased()]
        case .anyOf(let rules):
            let texts = rules.compactMap(\.equalTexts)
            return texts.count == rules.count ? texts.flatMap { $0 } : nil
        case .other: return []
        default: return nil
        }
    }

    /// The number of rules in the rule.
    private var size: Int {
        switch self {
        case .anyOf(let rules), .allOf(let rules): rules.reduce(1) { $0 + $1.size }
        default: 1
        }
    }
}
