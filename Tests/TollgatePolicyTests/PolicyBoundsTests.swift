import Testing
import TollgateTestSupport

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Bounds of a policy file")
struct PolicyBoundsTests {
    private func problems(_ yaml: String) -> [PolicyProblem] {
        do throws(PolicyError) {
            _ = try Policy(yaml: yaml, file: "t.yaml")
            return []
        } catch {
            return error.problems
        }
    }

    @Test("a file has at most 1 MiB")
    func size() {
        let comment = "#" + String(repeating: "x", count: (1 << 20) - 1)
        #expect(problems(comment).isEmpty)
        #expect(problems(comment + "x").map(\.sentence) == ["larger than 1 MiB"])
    }

    @Test("a scope has at most 64 limits")
    func limits() {
        let many = (1...64).map { "\($0)s: \($0)" }.joined(separator: ", ")
        let defaults = "defaults: { user: { tokens: { \(many) } } }\n"
        #expect(problems(defaults).isEmpty)
        #expect(
            problems("defaults: { user: { tokens: { \(many), 65s: 65 } } }").map(\.description) == [
                "t.yaml:1: defaults.user: 65 limits with those of its kind; a scope has at most 64"
            ])
        #expect(problems(defaults + "scopes: { user:a: { tokens: { 64s: 7 } } }").isEmpty)
        #expect(
            problems(defaults + "scopes: { user:a: { cost: { day: 7 } } }").map(\.description) == [
                "t.yaml:2: scopes.user:a: 65 limits with those of its kind; a scope has at most 64"
            ])
    }

    @Test("a file has at most 32 composite kinds, wherever they are named")
    func composites() throws {
        let defaults = (1...31).map { "  user+x\($0): {}\n" }.joined()
        let file = "defaults:\n\(defaults)  x1+user+tool: {}\nscopes:\n  x2:b+user:a: {}\n"
        #expect(problems(file).isEmpty)
        let kinds = try Policy(yaml: file, file: "t").compositeKinds.map(\.description)
        #expect(kinds.count == 32)
        #expect(kinds.prefix(2) == ["user+tool+x1", "user+x1"])
        #expect(
            problems(file + "  user:a+y:b: {}\n").map(\.description) == [
                "t.yaml:36: scopes.user:a+y:b: more than 32 composite kinds in this file"
            ])
    }

    @Test("a file reports at most a thousand problems")
    func manyProblems() {
        let found = problems((1...5_000).map { "x\($0): 1\n" }.joined())
        #expect(found.count == 1_001)
        #expect(found.last?.sentence == "more than 1000 problems; the rest is not listed")
    }

    @Test("aliases that stand for too many entries are rejected")
    func aliasBomb() {
        let limits = (1...64).map { "\($0)s: { max: \($0) }" }.joined(separator: ", ")
        let meters = "a0: &m { tokens: { \(limits) } }"
        let scopes = (1...2_000).map { "  user:u\($0): *m\n" }.joined()
        let found = problems("defaults:\n  \(meters)\nscopes:\n\(scopes)")
        #expect(found.map(\.sentence) == ["more than 200000 entries once aliases are filled in"])
    }

    @Test(
        "aliases to aliases are rejected as keys, before they are expanded",
        arguments: [
            "*z : 1", "y: { *z }", "? *z\n  : 1", "? [*z]\n  : 1", "x: { {a: *z}: 1 }", "? { a: *z, b: [*z] }",
            "x: [ *z : 1 ]",
        ])
    func aliasesAsKeys(last: String) {
        var yaml = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        var previous = "a"
        for name in "bcdefghijklmnopqrstuvwxyz".map(String.init) {
            let aliases = Array(repeating: "*\(previous)", count: 10).joined(separator: ", ")
            yaml += "\(name): &\(name) [\(aliases)]\n"
            previous = name
        }
        let found = problems(yaml + "last: \n  " + last)
        #expect(found.map(\.sentence) == ["an alias, a list or a map cannot be a key"])
    }

    @Test("deep nesting is rejected")
    func deep() {
        let found = problems("x: " + String(repeating: "[", count: 100_000))
        #expect(found.count == 1)
        #expect(found.first?.sentence.hasPrefix("not valid YAML") == true)
        let closed = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
        #expect(problems("currency: " + closed).count == 1)
    }

    @Test("nesting through aliases is bounded")
    func nestedAliases() {
        let level = { (inner: String) in String(repeating: "[", count: 900) + inner + String(repeating: "]", count: 900)
        }
        let found = problems("a: &a \(level(""))\nb: &b \(level("*a"))\ncurrency: \(level("*b"))\n")
        #expect(found.map(\.sentence) == ["nested deeper than 1000 levels once aliases are filled in"])
    }

    @Test("mutated files are accepted or rejected, and never trap")
    func mutations() {
        let base = Array(
            """
            currency: USD
            thresholds: [80, 90]
            history: [user, global]
            defaults: &d
              user: { requests: { 1m: 60, 1h: {max: 5, mode: shadow} } }
            scopes:
              "user:a+tool:b": { cost: { day: 0.5, month: null } }
              tool:x: *d
            """.unicodeScalars)
        let letters = Array("{}[]:,*&?-#'\"\\|>!%@ \n\t0x~\u{0}é".unicodeScalars)
        var random = SeededGenerator(seed: 5)
        var read = 0
        for _ in 0..<3_000 {
            var text = base
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: 0..<text.count, using: &random)
                switch Int.random(in: 0...2, using: &random) {
                case 0: text.remove(at: index)
                case 1: text.insert(letters.randomElement(using: &random)!, at: index)
                default: text[index] = letters.randomElement(using: &random)!
                }
            }
            let found = problems(String(String.UnicodeScalarView(text)))
            if found.isEmpty { read += 1 }
            #expect(found.allSatisfy { $0.line >= 1 && $0.line <= 30 })
        }
        #expect(read < 3_000)
    }
}
