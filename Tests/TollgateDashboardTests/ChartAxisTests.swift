import Testing
import TollgateCore

@testable import TollgateDashboard

/// Tests of the axes of charts.
@Suite struct ChartAxisTests {
    @Test(
        "ticks are round numbers from 0",
        arguments: [
            (0, [0]), (-3, [0]), (1, [0, 1]), (3, [0, 1, 2, 3]), (4, [0, 1, 2, 3, 4]), (5, [0, 2, 4, 6]),
            (9, [0, 5, 10]), (10, [0, 5, 10]), (21, [0, 10, 20, 30]), (1_999, [0, 500, 1_000, 1_500, 2_000]),
        ] as [(Int128, [Int128])])
    func ticks(max: Int128, ticks: [Int128]) {
        #expect(ChartAxis(max: max).ticks == ticks)
    }

    @Test("random axes have the smallest step of 1, 2 or 5 times a power of ten, and cover the maximum")
    func steps() {
        var random = SeededGenerator(seed: 42)
        for _ in 0..<20_000 {
            let size = Int128.random(in: 0...70, using: &random)
            let max = Int128.random(in: 1...(Int128(1) << size), using: &random)
            let ticks = ChartAxis(max: max).ticks
            #expect((2...5).contains(ticks.count))
            let step = ticks[1]
            #expect(ticks == (0..<Int128(ticks.count)).map { $0 * step })
            let digits = "\(step)"
            #expect(["1", "2", "5"].contains(digits.prefix(1)))
            #expect(digits.dropFirst().allSatisfy { $0 == "0" })
            // It covers the maximum with no tick to spare, and the next smaller step would need more ticks.
            #expect(ticks[ticks.count - 1] >= max && ticks[ticks.count - 2] < max)
            if step > 1 { #expect((digits.hasPrefix("5") ? step / 5 * 2 : step / 2) * 4 < max) }
        }
    }

    @Test("labels of columns do not overlap, and the last column has one")
    func labels() throws {
        for count in 1...400 {
            for label in ["1 Nov", "30 Nov", "Nov 2026", "2026-11-30"] {
                let frame = ChartFrame(
                    columns: Array(repeating: label, count: count), unit: .count("requests"), max: 1_000)
                let labelled = frame.labelledColumns
                #expect(labelled.last == count - 1)
                let width = Double(label.count) * 6.5
                let centres = labelled.map { Double(frame.centre($0).hundredths) / 100 }
                for (left, right) in zip(centres, centres.dropFirst()) { #expect(right - left > width + 4) }
                #expect(try #require(centres.first) - width / 2 >= 0)
                #expect(try #require(centres.last) + width / 2 <= 720)
            }
        }
        #expect(ChartFrame(columns: [], unit: .count("requests"), max: 0).labelledColumns.isEmpty)
    }

    @Test("a frame has room for long amounts")
    func longAmounts() {
        let unit = AmountUnit.money(.nano, currency: "USD")
        let frame = ChartFrame(columns: ["1 Nov"], unit: unit, max: 9)
        #expect(frame.axis.ticks.map(unit.compact) == ["0", "0.000000005", "0.00000001"])
        #expect(frame.x(0) > ChartLength(hundredths: 11 * 650))
    }

    @Test(
        "lengths have at most two decimals",
        arguments: [(0, "0"), (1_200, "12"), (1_250, "12.5"), (5, "0.05"), (-325, "-3.25"), (72_000, "720")])
    func lengths(hundredths: Int, text: String) {
        #expect(ChartLength(hundredths: hundredths).description == text)
    }
}
