import Testing
import TollgateAdmin
import TollgateCore

@testable import TollgateDashboard

@Suite struct LineDiffTests {
    @Test("the lines of each side are complete and in order")
    func sides() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            func text() -> [String] {
                (0..<Int.random(in: 0...12, using: &random)).map { _ in
                    ["a", "b", "{", "}"][Int.random(in: 0..<4, using: &random)]
                }
            }
            let (before, after) = (text(), text())
            let diff = LineDiff(before, after)
            #expect(diff.lines.filter { $0.side != .after }.map(\.text) == before)
            #expect(diff.lines.filter { $0.side != .before }.map(\.text) == after)
        }
    }

    @Test("lines with other bytes differ, and equal ones do not")
    func bytes() {
        #expect(LineDiff(["é"], ["e\u{301}"]).lines.map(\.side) == [.before, .after])
        #expect(LineDiff(["a", "b"], ["a", "c"]).lines.map(\.side) == [.both, .before, .after])
        #expect(LineDiff(nil, .null).lines.map(\.text) == ["null"])
    }

    @Test("long texts are shown without matching their lines")
    func long() {
        let lines = (0..<1_100).map { "\($0)" }
        #expect(LineDiff(lines, lines).lines.count == 2_200)
    }

    @Test("a value is indented, with its keys in order and, for a field, as JSON")
    func indented() throws {
        let value = try JSONValue(text: #"{"b":[1,{"c":null}],"a":"\"","d":{},"e":[]}"#)
        #expect(
            value.lines() == [
                "{", "  \"a\": \"\\\"\"", "  \"b\": [", "    1", "    {", "      \"c\": null", "    }", "  ]",
                "  \"d\": {}", "  \"e\": []", "}",
            ])
        #expect(try JSONValue(text: value.indented) == value)
    }

    @Test(
        "settings are JSON, or YAML as in the policy file",
        arguments: [
            "{\"requests\": {\"1m\": 60}, \"cost\": {\"month\": \"1.50\"}}",
            "requests: { 1m: 60 }\ncost: { month: \"1.50\" }\n", "{ requests: { 1m: 60 }, cost: { month: '1.50' } }",
        ])
    func settings(text: String) throws {
        let limits = try #require(try SettingText.value(of: text).members)
        #expect(limits["requests"] == .object(["1m": .integer(60)]))
        #expect(limits["cost"] == .object(["month": .string("1.50")]))
        #expect(try SettingText.value(of: " \n") == .object([:]))
    }
}
