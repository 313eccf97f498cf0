import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of the moment at which very many scopes begin a new day: no call blocks Redis for long, and everything counts once.
@Suite struct MidnightTests {
    /// The maximum duration of a call in Redis, µs, where ``calibration()`` takes at most 32 ms. On a slower machine it is longer in
    /// proportion.
    private static let maxCallDuration = 10_000

    /// Measures how fast Redis runs Lua on this machine: the shortest of several runs of a fixed script, in µs.
    private static func calibration() throws -> Int {
        let redis = try TestRedis()
        let script = """
            local start = redis.call('TIME')
            local sum, texts = 0, {}
            for i = 1, 100000 do
                texts[i % 512] = ('a'):rep(i % 8) .. i
                sum = sum + #texts[i % 512]
            end
            local stop = redis.call('TIME')
            return (stop[1] - start[1]) * 1000000 + stop[2] - start[2]
            """
        return try (0..<8).compactMap { _ in Int(try redis.cli("EVAL", script, "0")) }.min() ?? .max
    }

    /// The maximum duration of a call on this machine, as fast as it is now.
    private static func bound() throws -> Int { maxCallDuration * max(try calibration(), 32_000) / 32_000 }

    private static let day: Int64 = 86_400_000
    private static let start = ScriptTests.start + 2 * day

    @Test(
        "many scopes of many labels in one batch, or one of a thousand fields: no call takes Redis more than 10 ms",
        arguments: [(512, 50), (1, 199)])
    func callTimes(scopes: Int, labels: Int) async throws {
        var days = try await FullDays(scopes: scopes, labels: labels, endingAt: Self.start)
        var bound = try Self.bound()
        var shortest: [Int] = []
        // A busy machine may delay a call, so the shortest of several tries of each call counts.
        for _ in 0..<8 where (shortest.max() ?? .max) > bound {
            try days.restore()
            let times = try await days.beginDay(at: Self.start + 1)
            shortest = shortest.isEmpty ? times : zip(shortest, times).map(min)
            // The machine may have become slower since.
            bound = max(bound, try Self.bound())
        }
        #expect(scopes == 1 || shortest.count > 100, "each call moves a few")
        #expect(try #require(shortest.max()) <= bound, "at most \(bound): \(shortest)")
        days.expectBegun(at: Self.start + 1)
        try days.compare()
        try await days.stop()
    }

    @Test("the day ends between a batch's sending and its arrival")
    func endsOnTheWay() async throws {
        // By Redis's own clock the day begins with this hour, and the next one many hours later.
        let redis = try TestRedis(hasFunctions: true)
        let now = try #require(Int64(redis.cli("TIME").prefix { $0.isNumber })) * 1_000
        let rules = try CalendarRules(resetHour: Int(now / 3_600_000 % 24))
        let start = rules.window(.day, containing: now).startsAt
        var days = try await FullDays(scopes: 100, labels: 50, endingAt: start, redis: redis, calendar: rules)
        try days.restore()
        #expect(try await days.beginDay(sentAt: start - 1).count > 10)
        days.expectBegun(at: now)
        try days.compare()
        try await days.stop()
    }
}
