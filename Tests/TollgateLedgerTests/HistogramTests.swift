import Testing
import TollgateCore

@testable import TollgateLedger

@Suite struct HistogramTests {
    @Test("each number is in the first range whose bound is not below it, in whatever order numbers come")
    func ranges() {
        var generator = SeededGenerator(seed: 22)
        for bounds in [Histogram.times, Histogram.sizes, [5]] {
            let recorder = HistogramRecorder(bounds: bounds)
            defer { recorder.deallocate() }
            var expected = [Int](repeating: 0, count: bounds.count + 1)
            var sum: Int64 = 0
            for _ in 0..<5_000 {
                let bound = bounds.randomElement(using: &generator) ?? 0
                let number =
                    [bound, bound + 1, bound - 1, 0, Int64.random(in: 0...(2 * bounds.last!), using: &generator)]
                    .randomElement(using: &generator) ?? 0
                recorder.record(number)
                expected[bounds.firstIndex { number <= $0 } ?? bounds.count] += 1
                sum += number
            }
            let histogram = recorder.histogram
            #expect(histogram.counts == expected)
            #expect(histogram.sum == sum && histogram.count == 5_000)
        }
    }

    @Test("a number below zero counts as zero")
    func negative() {
        let recorder = HistogramRecorder(bounds: [1, 2])
        defer { recorder.deallocate() }
        for number in [-7, .min, 0] as [Int64] { recorder.record(number) }
        #expect(recorder.histogram.counts == [3, 0, 0] && recorder.histogram.sum == 0)
    }

    @Test("what was read stays as it is, and sums add up")
    func copies() {
        let recorder = HistogramRecorder(bounds: [1, 2])
        defer { recorder.deallocate() }
        recorder.record(2)
        let copy = recorder.histogram
        recorder.record(9)
        #expect(copy.counts == [0, 1, 0] && copy.sum == 2)
        var histogram = recorder.histogram
        histogram.add(copy)
        #expect(histogram.counts == [0, 2, 1] && histogram.sum == 13)
    }
}

@Suite struct LabelTableTests {
    @Test("values keep their numbers, and those beyond the capacity are other")
    func bounded() {
        var table = LabelTable(capacity: 3)
        let numbers = (0..<100_000).map { table.number(of: "kind\($0)") }
        #expect(Array(numbers.prefix(4)) == [2, 3, 4, LabelTable.other])
        #expect(numbers.dropFirst(3).allSatisfy { $0 == LabelTable.other })
        #expect(table.number(of: "kind1") == 3)
        #expect(table.values == ["", "other", "kind0", "kind1", "kind2"])
    }
}
