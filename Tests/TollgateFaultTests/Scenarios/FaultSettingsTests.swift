import Testing

/// Tests of the seeds of fault scenarios.
@Suite struct FaultSettingsTests {
    private func seeds(_ scenario: String = "a", commit: String? = "6e82def", rounds: Int = 4) -> [UInt64] {
        FaultSettings.seeds(of: scenario, commit: commit, rounds: rounds, fixed: nil)
    }

    @Test("a commit has the same seeds in every run, and more rounds only add seeds")
    func derived() {
        #expect(seeds().count == 4)
        #expect(Set(seeds()).count == 4)
        #expect(seeds() == seeds())
        #expect(seeds(rounds: 20).prefix(4) == seeds()[...])
    }

    @Test("different commits and scenarios have different seeds")
    func different() {
        #expect(seeds(commit: "6e82deg") != seeds())
        #expect(seeds("b") != seeds())
    }

    @Test("without a commit seeds are random")
    func random() {
        #expect(seeds(commit: nil) != seeds(commit: nil))
    }

    @Test("a given seed is the only one")
    func fixed() {
        #expect(FaultSettings.seeds(of: "a", commit: "6e82def", rounds: 4, fixed: 7) == [7])
    }
}
