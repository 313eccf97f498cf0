import Testing

@testable import TollgateCore

@Suite("Nearest word")
struct NearestWordTests {
    @Test(
        "typing errors are recognized",
        arguments: [
            ("defualts", "defaults"), ("scope", "scopes"), ("treshold", "thresholds"), ("mod", "mode"),
            ("moed", "mode"),
            ("maxx", "max"),
        ])
    func near(text: String, word: String) {
        #expect(nearestWord(to: text, among: ["max", "mode", "thresholds", "defaults", "scopes"]) == word)
    }

    @Test("other words are not recognized", arguments: ["", "limits", "m", "x", "defaults for everyone"])
    func far(text: String) {
        #expect(nearestWord(to: text, among: ["max", "mode", "thresholds", "defaults", "scopes"]) == nil)
    }

    @Test("a very long word is not compared")
    func long() {
        #expect(nearestWord(to: String(repeating: "x", count: 1 << 20), among: ["max"]) == nil)
    }
}
