import TollgateCore
package import TollgatePolicy

/// The parts of a reply that depend on nothing but the limit, as bytes made once. A class, so that a reply that is written from it
/// copies one pointer.
package final class LimitText: Sendable {
    /// `/requests/1m`; follows the scope.
    package let name: [UInt8]
    /// ` max=60`
    package let max: [UInt8]
    /// ` source=defaults`
    package let source: [UInt8]
    /// 0 for an unlimited one.
    package let most: Int64
    /// Whether amounts are nano-units.
    package let isMoney: Bool

    package init(_ effective: EffectiveLimit) {
        let limit = effective.limit
        most = limit.max ?? 0
        isMoney = limit.meter == .cost
        name = Array("/\(limit.name)".utf8)
        max = Array(" max=\(limit.max.map(limit.meter.text) ?? "unlimited")".utf8)
        source = Array(" source=\(effective.source.word)".utf8)
    }
}

extension EffectiveLimit {
    /// What is told of a limit that has a max above 0: each percentage, and the amount that reaches it. None where it is about one
    /// request, or about open reservations.
    package var thresholdAmounts: [(percent: Int, amount: Int64)] {
        guard let max = limit.max, max > 0, limit.period != .request, limit.period != .reservation else { return [] }
        return thresholds.map { (percent: $0, amount: Self.amount(at: $0, of: max)) }
    }

    /// The highest threshold, in percent, that an amount has reached.
    package func thresholdReached(by used: Int64) -> Int? {
        guard let max = limit.max, max > 0 else { return nil }
        return thresholds.last { Self.amount(at: $0, of: max) <= used }
    }

    /// Rounded up: 80 % of 3 requests is reached with the third. Cannot overflow: max is at most 9 × 10¹⁵, a threshold
    /// at most 1000.
    private static func amount(at percent: Int, of max: Int64) -> Int64 {
        (max * Int64(percent) + 99) / 100
    }
}
