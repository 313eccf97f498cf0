@testable import TollgateCore
@testable import TollgatePolicy

/// A generator of random tiers, assignments, limits and overrides from a seed.
struct RandomPolicy {
    var generator: SeededGenerator

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &generator) < percent }

    mutating func number(_ range: ClosedRange<Int64>) -> Int64 { .random(in: range, using: &generator) }

    mutating func pick<Item>(_ items: [Item]) -> Item { items[Int.random(in: 0..<items.count, using: &generator)] }

    mutating func shuffled<Item>(_ items: [Item]) -> [Item] { items.shuffled(using: &generator) }

    // MARK: - Limits

    private mutating func period() -> Period {
        let fixed: [Period] = [.request, .day, .week, .month, .total]
        return chance(50) ? pick(fixed) : .sliding(seconds: chance(50) ? 60 : number(1...Period.maxWindow))
    }

    mutating func limit() -> Limit {
        let meter = pick(Meter.allCases)
        let max = chance(10) ? nil : chance(10) ? 0 : number(0...meter.maxLimit)
        var limit = Limit(meter, meter == .concurrent ? .reservation : period(), max: max)
        if chance(20) { limit.mode = .shadow }
        if chance(20), meter != .concurrent { limit.thresholds = chance(20) ? [] : [50, Int(number(51...1_000))] }
        if chance(20) { limit.onRedisFailure = pick([.open, .closed]) }
        return limit
    }

    /// Random limits in order, each meter and period once.
    mutating func limits(atMost most: Int = 6) -> [Limit] {
        var limits: [Limit] = []
        for _ in 0..<Int(number(0...Int64(most))) {
            let limit = limit()
            if !limits.contains(where: { $0.name == limit.name }) { limits.append(limit) }
        }
        return limits.sorted(by: Limit.precedes)
    }

    // MARK: - Tiers and assignments

    /// Random names, among them words that some readers of YAML and JSON take for other types.
    mutating func label() -> String {
        pick([
            "A", "null", "true", "5", "0x1", "\"q\"", "back\\slash", "ä 日本 🙂", "a: b # c", "- x", "{}", "/",
            "Pre\u{301}",
        ])
            + (chance(30) ? String(number(0...99)) : "")
    }

    mutating func tier(id: String) -> Tier {
        Tier(
            id: id, name: chance(50) ? label() : nil, limits: limits(),
            timeZone: chance(30) ? pick(["UTC", "Europe/Berlin", "America/New_York"]) : nil,
            resetHour: chance(30) ? Int(number(0...23)) : nil, billingDay: chance(30) ? Int(number(1...31)) : nil)
    }

    /// Priorities from a small set, so that some are equal.
    mutating func assignment(_ subject: Assignment.Subject, order: Int64, tiers: [String], origin: Origin) -> Assignment
    {
        Assignment(
            subject, tier: pick(tiers), priority: chance(50) ? nil : Int(pick([-7, 0, 100, 150, 200, 300])),
            isEnabled: chance(80), order: order, origin: origin)
    }

    /// A random override that ends at a whole second from 0 to 1000.
    mutating func override() -> Override {
        var additions: [Override.Addition] = []
        for limit in limits() where limit.meter != .concurrent && limit.period != .request {
            additions.append(.init(limit.meter, limit.period, amount: number(1...limit.meter.maxLimit)))
        }
        let limits = limits() + (additions.isEmpty ? [Limit(.cost, .month, max: 1)] : [])
        let unique = limits.enumerated().filter { index, limit in
            !limits[..<index].contains { $0.name == limit.name }
        }
        return Override(
            limits: unique.map(\.element).sorted(by: Limit.precedes), additions: additions,
            expiresAt: number(0...1_000) * 1_000, reason: label())
    }
}
