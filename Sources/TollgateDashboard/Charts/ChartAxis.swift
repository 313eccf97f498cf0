/// The ticks of a vertical axis: from 0 in equal steps of 1, 2 or 5 times a power of ten, up to the maximum or beyond.
struct ChartAxis: Hashable {
    private static let maxSteps: Int128 = 4

    /// The ticks, at most five. The first is 0, and it is the only one if there is nothing to show.
    let ticks: [Int128]

    /// Creates the axis with the smallest step for amounts up to a maximum.
    init(max: Int128) {
        guard max > 0 else {
            ticks = [0]
            return
        }
        let step = Self.step(for: max)
        let count = (max + step - 1) / step
        ticks = (0...count).map { $0 * step }
    }

    /// The amount at the upper end, at least 1.
    var top: Int128 { Swift.max(ticks[ticks.count - 1], 1) }

    private static func step(for max: Int128) -> Int128 {
        var power: Int128 = 1
        while true {
            for factor: Int128 in [1, 2, 5] where factor * power * maxSteps >= max { return factor * power }
            power *= 10
        }
    }
}
