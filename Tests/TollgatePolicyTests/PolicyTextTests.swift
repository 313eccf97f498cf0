import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Text of a policy file")
struct PolicyTextTests {
    private func problems(_ yaml: String) -> [String] {
        do throws(PolicyError) {
            _ = try Policy(yaml: yaml, file: "t.yaml")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test(
        "a duplicate key is reported with its path and both lines",
        arguments: [
            ("currency: USD\ntimezone: UTC\ncurrency: USD\n", "3: duplicate key currency (first on line 1)"),
            (
                "defaults:\n  user:\n    requests: # here\n      1m: 60\n\n      1h: 5\n      1m: 70\n",
                "7: defaults.user.requests: duplicate key 1m (first on line 4)"
            ),
            (
                "scopes:\n  \"user:a\": {}\n  user:b:\n    cost: { day: 5 }\n  'user:a': {}\n",
                "5: scopes: duplicate key user:a (first on line 2)"
            ),
            (
                "defaults:\n  user: { requests: { 1m: 60, 1m: 70 } }\n  tool: { requests: { 1m: 60 } }\n",
                "2: defaults.user: duplicate key 1m"
            ),
        ])
    func duplicates(yaml: String, problem: String) {
        #expect(problems(yaml) == ["t.yaml:\(problem)"])
    }

    @Test(
        "text that is not YAML is reported with its line",
        arguments: [
            ("a: b: c", 1), ("currency: USD\n\tx: 1", 2), ("defaults: {\n  user: [\n}\n", 3), ("a: 'open\n\n", 3),
            ("currency: USD\n---\ncurrency: EUR\n", 2), ("x: *nowhere", 1), ("\nx: &a *a", 2), ("@x: 1", 1),
            ("currency: USD\n# \u{1}\n", 2), ("a: 1\n b: 2", 2),
        ])
    func notYAML(yaml: String, line: Int) {
        let found = problems(yaml)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix("t.yaml:\(line): not valid YAML: ") == true, "\(found)")
    }

    @Test("problems contain no control characters and no long values")
    func quoting() {
        let found = problems("currency: \"a\\nb\\e\(String(repeating: "x", count: 10_000))\"")
        #expect(found.count == 1)
        #expect(found.allSatisfy { $0.utf8.count < 200 && !$0.unicodeScalars.contains { $0.value < 32 } })
        let key = problems("\"a\\nb\": 1")
        #expect(key.allSatisfy { !$0.unicodeScalars.contains { $0.value < 32 } })
    }
}
