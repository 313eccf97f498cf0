import Testing

@testable import TollgateCore

/// The arithmetic of the drift between our amounts and a provider's.
@Suite struct DriftTests {
    @Test(
        "the share of the provider's amount has one decimal, rounded half away from zero",
        arguments: [
            (0, 0, "0 %"), (1_000, 1_000, "0 %"), (877, 1_000, "-12.3 %"), (1_123, 1_000, "12.3 %"),
            (0, 1_000, "-100 %"), (2_000, 1_000, "100 %"), (1, 0, "only ours"), (30, 1, "2900 %"),
            (20_009, 20_000, "0 %"), (20_010, 20_000, "0.1 %"), (19_991, 20_000, "0 %"), (19_990, 20_000, "-0.1 %"),
            (4, 3, "33.3 %"), (2, 3, "-33.3 %"), (5, 3, "66.7 %"), (1, 3, "-66.7 %"),
            (999_000_000_000_000_000_000_000_000, 1_000_000_000_000_000_000_000_000_000, "-0.1 %"),
        ] as [(Int128, Int128, String)])
    func percent(ours: Int128, theirs: Int128, expected: String) throws {
        #expect(try #require(Drift(ours: ours, theirs: theirs)).description == expected)
    }

    @Test("amounts below 0 and above the maximum have no drift; a percentage beyond Int64 is the largest one")
    func bounds() throws {
        #expect(Drift(ours: -1, theirs: 1) == nil && Drift(ours: 1, theirs: -1) == nil)
        let max = 1_000_000_000_000_000_000_000_000_000_000 as Int128
        #expect(Drift(ours: max + 1, theirs: 1) == nil && Drift(ours: 1, theirs: max + 1) == nil)
        #expect(try #require(Drift(ours: max, theirs: 1)).tenths == .max)
        #expect(try #require(Drift(ours: 0, theirs: max)).tenths == -1_000)
    }

    @Test("the threshold is compared with the exact drift, in both directions; only ours is past any")
    func threshold() throws {
        func isPast(_ ours: Int128, _ theirs: Int128, _ percent: Int = 5) throws -> Bool {
            try #require(Drift(ours: ours, theirs: theirs)).isPast(percent)
        }
        #expect(try !isPast(105_000, 100_000) && !isPast(95_000, 100_000) && !isPast(0, 0, 1))
        // Both are 5.0 % when rounded.
        #expect(try isPast(105_001, 100_000) && isPast(94_999, 100_000))
        #expect(try isPast(1, 0, 1_000) && isPast(12, 1, 1_000) && !isPast(11, 1, 1_000))
    }

    @Test("the larger of two drifts is the one farther from 0")
    func larger() throws {
        func drift(_ ours: Int128, _ theirs: Int128) throws -> Drift { try #require(Drift(ours: ours, theirs: theirs)) }
        #expect(try drift(80, 100).isLarger(than: drift(119, 100)) && !drift(119, 100).isLarger(than: drift(80, 100)))
        #expect(try drift(1, 0).isLarger(than: drift(100, 1)) && !drift(120, 100).isLarger(than: drift(80, 100)))
    }
}
