import Foundation
import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Writing a policy file")
struct PolicyDocumentTests {
    private func document(seed: UInt64) throws -> PolicyDocument {
        var random = RandomPolicy(seed: seed)
        var document = PolicyDocument()
        let ids = ["a", "B-2", "null", "7"]
        document.tiers = ids.map { random.tier(id: $0) }
        for index in document.tiers.indices {
            document.tiers[index].description = random.chance(50) ? random.label() : nil
            document.tiers[index].isEnabled = random.chance(80)
        }
        var subjects: [Assignment.Subject] = [.role("Faculty"), .role("no"), .emailDomain("example.com"), .everyone]
        for _ in 0..<5 { subjects.append(.user(try Scope(parts: [.init(kind: "user", id: random.label())]))) }
        for subject in random.shuffled(Array(Set(subjects))) {
            let order = Int64(document.assignments.count)
            document.assignments.append(random.assignment(subject, order: order, tiers: ids, origin: .file))
        }
        for _ in 0..<6 {
            let parts = [
                Scope.Part(kind: "user", id: random.label()), Scope.Part(kind: "tool", id: random.label()),
            ]
            document.scopes[try Scope(parts: random.chance(50) ? parts : [parts[0]])] = random.limits()
        }
        for kind in ["user", "tool", "tool+user"] {
            document.defaults[try ScopeKind(parsing: kind)] = random.limits()
        }
        return document
    }

    @Test("a written file is read as the same tiers, assignments and limits", arguments: UInt64(0)..<100)
    func roundTrip(seed: UInt64) throws {
        let document = try document(seed: seed)
        let yaml = YAMLWriter.text(of: try document.root())
        let policy = try Policy(wholeFile: yaml, file: "t.yaml")
        #expect(policy.tiers.mapValues(\.tier) == Dictionary(uniqueKeysWithValues: document.tiers.map { ($0.id, $0) }))
        #expect(policy.assignments.values.sorted { $0.order < $1.order } == document.assignments, "\(yaml)")
        #expect(policy.scopes == document.scopes, "\(yaml)")
        #expect(policy.defaults == document.defaults, "\(yaml)")
        var same = document
        same.tiers.reverse()
        same.scopes = Dictionary(uniqueKeysWithValues: document.scopes.reversed())
        #expect(YAMLWriter.text(of: try same.root()) == yaml)
    }

    @Test("all settings of a file are written, and read as the same policy")
    func settings() throws {
        let policy = try Policy(
            yaml: """
                currency: EUR
                decimals: 2
                timezone: Europe/Berlin
                reset_hour: 6
                billing_day: 31
                thresholds: []
                history: [user, run]
                history_days: 5
                history_months: 6
                drift_threshold: 12
                kinds: [session]
                unknown_kinds: allow
                fold_case: [user]
                on_redis_failure: { requests: closed, output_tokens: open }
                defaults: { user: { requests: { 1m: 5 } } }
                """, file: "t.yaml")
        var document = PolicyDocument()
        let json = try CanonicalJSON.text(PolicySettingsJSON(policy))
        document.settings = try JSONDocument.root(of: Data(json.utf8))
        document.defaults = policy.defaults
        let yaml = YAMLWriter.text(of: try document.root())
        #expect(yaml.hasPrefix("currency: EUR\ndecimals: 2\ntimezone: Europe/Berlin\n"), "\(yaml)")
        let read = try Policy(wholeFile: yaml, file: "t.yaml")
        #expect(read.defaults == policy.defaults)
        #expect(try CanonicalJSON.text(PolicySettingsJSON(read)) == json, "\(yaml)")
    }

    @Test("every key of the policy file is a section or a setting that is written")
    func everyKey() throws {
        let policy = try Policy(
            yaml: "unknown_model: warn\nprices: { p: { m: { input: 1 } } }", file: "t.yaml")
        let json = try JSONDocument.root(of: Data(CanonicalJSON.text(PolicySettingsJSON(policy)).utf8))
        let keys = json.members?.compactMap(\.key.text) ?? []
        #expect(Set(keys) == Set(PolicyDocument.settingKeys))
    }

    @Test("small maps are on one line, and the order is that of the example")
    func form() throws {
        var document = PolicyDocument()
        document.tiers = [
            Tier(id: "premium", name: "Premium", limits: [Limit(.cost, .month, max: 500_500_000_000)])
        ]
        document.assignments = [
            Assignment(.role("Faculty"), tier: "premium"), Assignment(.everyone, tier: "premium", priority: 1),
        ]
        document.scopes[try Scope(parsing: "tool:search")] = [
            Limit(.requests, .sliding(seconds: 60), max: 10), Limit(.requests, .day, max: nil, mode: .shadow),
        ]
        document.scopes[.global] = [Limit(.concurrent, .reservation, max: 5)]
        #expect(
            YAMLWriter.text(of: try document.root()) == """
                scopes:
                  global: { concurrent: 5 }
                  tool:search:
                    requests: { 1m: 10, day: { max: null, mode: shadow } }
                tiers:
                  premium:
                    name: Premium
                    limits: { cost: { month: 500.5 } }
                assignments:
                  - { role: Faculty, tier: premium }
                  - { default: true, tier: premium, priority: 1 }

                """)
    }

    @Test("a file without limits says no_limits")
    func noLimits() throws {
        #expect(YAMLWriter.text(of: try PolicyDocument().root()) == "no_limits: true\n")
    }

    @Test("no text can add a line to a comment, or end a quoted text")
    func escapes() throws {
        let hostile = "a\nb\u{2028}c\u{85}d\"e\\f\u{feff}\u{10ffff}\r"
        #expect(YAMLWriter.comment(hostile).filter(\.isNewline) == "\n")
        let node = DocumentNode(
            .map([
                .init(
                    key: DocumentNode(.scalar(hostile, isPlain: false)),
                    value: DocumentNode(.scalar(hostile, isPlain: false)))
            ]))
        let read = try YAMLDocument(yaml: YAMLWriter.text(of: node), file: "t.yaml").root()
        #expect(read?.members?.first?.key.text.map { Array($0.utf8) } == Array(hostile.utf8))
        #expect(read?[hostile]?.text.map { Array($0.utf8) } == Array(hostile.utf8))
    }

    @Test("a key that is too long for a line of its own is read again")
    func longKey() throws {
        let parts = ["a", "b", "c", "d", "e"].map { Scope.Part(kind: $0, id: String(repeating: "x", count: 250)) }
        var document = PolicyDocument()
        let scope = try Scope(parts: parts)
        document.scopes[scope] = [Limit(.requests, .day, max: 1), Limit(.cost, .day, max: 1)]
        let yaml = YAMLWriter.text(of: try document.root())
        #expect(try Policy(wholeFile: yaml, file: "t.yaml").scopes == document.scopes, "\(yaml)")
    }
}
