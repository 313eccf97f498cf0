package import TollgateCore

extension CalendarUnit {
    /// The number of the day or month with that id, `2026-11-20` or `2026-11`: one more for each one later. Nil for other text, for
    /// dates that no calendar has, for years other than 1 … 9998, and for weeks.
    package func number(ofID id: String) -> Int64? {
        let words = id.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let lengths = [4, 2, 2].prefix(self == .day ? 3 : 2)
        guard self != .week, words.map(\.count) == Array(lengths) else { return nil }
        let numbers = words.compactMap { word in
            word.allSatisfy { (0x30...0x39).contains($0) } ? word.reduce(0) { $0 * 10 + Int64($1 - 0x30) } : nil
        }
        guard numbers.count == words.count, (1...9_998).contains(numbers[0]), (1...12).contains(numbers[1]) else {
            return nil
        }
        let (year, month) = (numbers[0], numbers[1])
        guard self == .day else { return year * 12 + month - 1 }
        guard (1...CivilDate.lastDay(ofMonth: month, year: year)).contains(numbers[2]) else { return nil }
        return CivilDate(year: year, month: month, day: numbers[2]).daysSinceEpoch
    }
}

extension CalendarRules {
    /// The days or months with these numbers (`CalendarUnit.number(ofID:)`), in their order; without days that the zone skipped.
    package func windows(_ unit: CalendarUnit, numbered numbers: ClosedRange<Int64>) -> [CalendarWindow] {
        let starts = numbers.compactMap { number in start(unit, number).map { (number: number, at: $0) } }
        guard let last = starts.last else { return [] }
        let ends = starts.dropFirst().map(\.at) + [startOfNext(unit, after: last.number)]
        return zip(starts, ends).map { start, end in
            CalendarWindow(id: id(unit, start.number), startsAt: start.at * 1_000, endsAt: end * 1_000)
        }
    }
}
