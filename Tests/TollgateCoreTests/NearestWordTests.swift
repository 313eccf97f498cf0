import Testing

@testable import TollgateCore

@Suite("Nearest word")
struct NearestWordTests {
    @Test(
        "slips of the fingers are recognised",
        arguments: [
            ("defualts", "defaults"), ("scope", "scopes"), ("treshold", "thresholds"), ("mod", "mode"),
            ("moed", "mode"),
            ("maxx", "max"),
        ])
    func near(text: String, word: String) {
        #expect(nearestWord(to: text, among: ["max", "mode", "thresholds", "defaults", "scopes"]) == word)
    }

    @Test("other words are not", arguments: ["", "limits", "m", "x", "defaults for everyone"])
    func far(text: String) {
        #expect(nearestWord(to: text, among: ["max", "mode", "thresholds", "defaults", "scopes"]) == nil)
    }

    @Test("a very long key is compared with nothing")
    func long() {
        #expect(nearestWord(to: String(repeating: "x", count: 1 << 20), among: ["max"]) == nil)
    }
}
