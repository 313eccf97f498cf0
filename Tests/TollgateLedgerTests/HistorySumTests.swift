import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of random operations of every kind over days and months: the data in Redis agrees with the model, and with itself.
@Suite struct HistorySumTests {
    /// Starts before the nights on which clocks change, and before the 15th, on which months begin. In the future, so that
    /// nothing expires.
    private static let stretches = [
        (from: "2099-03-06T17:00:00Z", day: "2099-03-08", hours: 23 as Int64),
        (from: "2099-10-30T17:00:00Z", day: "2099-11-01", hours: 25),
    ]

    private func ms(_ time: String) throws -> Int64 {
        Int64(try Date(time, strategy: .iso8601).timeIntervalSince1970) * 1_000
    }

    @Test(
        "days and months agree with each other and with the model, in total and by provider, tool and model, over a clock change",
        arguments: 1...8)
    func overClockChange(seed: UInt64) async throws {
        let stretch = Self.stretches[Int(seed) % 2]
        let calendar = try CalendarRules(
            timeZone: "America/New_York", resetHour: seed % 4 < 2 ? 0 : 2, billingDay: 15)
        let start = try ms(stretch.from)
        var history = RandomHistory(seed: seed, calendar: calendar, from: start)
        let harness = try await LedgerHarness(policy: history.policy)
        let model = try await play(&history, on: harness, days: 18, "seed \(seed)")
        let months = Set(model.history.days.values.flatMap(\.values).map(\.month))
        #expect(months.count >= 2)
        try StoredHistory(harness.redis).expect(model.history)
        let changed = calendar.window(.day, containing: try ms("\(stretch.day)T20:00:00Z"))
        #expect(changed.id == stretch.day)
        if calendar.resetHour == 0 {
            #expect(changed.endsAt - changed.startsAt == stretch.hours * 3_600_000)
        }
        try await harness.stop()
    }

    /// Plays a history, and checks every answer against the model. Returns the model.
    private func play(
        _ history: inout RandomHistory, on harness: LedgerHarness, days: Int64, _ name: String
    ) async throws -> ReferenceLedger {
        var model = ReferenceLedger(policy: history.policy)
        let end = history.now + days * 86_400_000
        while history.now < end {
            let (operations, now) = history.nextBatch()
            let answers = try await harness.apply(operations, at: now)
            for (operation, answer) in zip(operations, answers) {
                let expected = model.apply(operation, at: now)
                try #require(answer == expected, "\(name), at \(now): \(operation)")
                history.note(operation, answer, at: now)
            }
        }
        return model
    }

    @Test(
        "if every operation names a tool, a provider and a model, each of these sums up to the total",
        arguments: 1...4)
    func allNamed(seed: UInt64) async throws {
        var history = RandomHistory(seed: seed, calendar: .utc, from: try ms("2099-03-06T17:00:00Z"), namesAll: true)
        let harness = try await LedgerHarness(policy: history.policy)
        let model = try await play(&history, on: harness, days: 6, "seed \(seed)")
        let stored = try StoredHistory(harness.redis)
        stored.expect(model.history)
        stored.expectAllNamed(ReferenceHistory.dimensions)
        try await harness.stop()
    }

    @Test("the day on which clocks go forward has 23 hours, and the 24th hour counts for the next day")
    func shortDay() async throws {
        var policy = Policy()
        policy.calendar = try CalendarRules(timeZone: "America/New_York")
        let harness = try await LedgerHarness(policy: policy)
        let start = try ms("2099-03-08T05:00:00Z")
        for hour in 0..<48 {
            let record = try TestOperation.record("user:a", amounts: Amounts(requests: 1, cost: 5))
            _ = try await harness.apply(record, at: start + Int64(hour) * 3_600_000)
        }
        let stored = try StoredHistory(harness.redis)
        #expect(stored.day("2099-03-08", of: "user:a") == ["requests": 23, "calls": 23, "cost": 115])
        #expect(stored.day("2099-03-09", of: "user:a") == ["requests": 24, "calls": 24, "cost": 120])
        #expect(stored.month("2099-03", of: "user:a") == ["requests": 48, "calls": 48, "cost": 240])
        try await harness.stop()
    }

    @Test(
        "with more labels than a day record takes, everything sums up: by dimension, over days, over moved days",
        arguments: 1...4)
    func manyLabels(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let harness = try await LedgerHarness(policy: Policy.empty)
        let start: Int64 = 4_102_444_800_000
        for step in 0..<60 {
            let batch = try (0..<60).map { _ in
                let amounts = Amounts(
                    requests: Int64.random(in: 0...2, using: &random),
                    inputTokens: Int64.random(in: 0...9, using: &random),
                    outputTokens: Int64.random(in: 0...9, using: &random),
                    cost: Int64.random(in: 0...99, using: &random))
                let tool = "tool:t\(Int.random(in: 0..<350, using: &random))"
                let model = "model:m\(Int.random(in: 0..<250, using: &random))"
                return switch Int.random(in: 0..<5, using: &random) {
                case 0: try TestOperation.check("user:a", tool, model)
                case 1: try TestOperation.refund("user:a", tool, amounts: amounts)
                case 2: try TestOperation.refund("user:a", tool, model, amounts: amounts)
                default: try TestOperation.record("user:a", tool, model, amounts: amounts)
                }
            }
            // Forward by a day every ten batches, and sometimes back to a past day.
            let back = step % 10 == 9 && step > 10 ? 1 : 0
            _ = try await harness.apply(batch, at: start + Int64(step / 10 - back) * 86_400_000)
        }
        let stored = try StoredHistory(harness.redis)
        stored.expectSums()
        // Every operation named a tool, but refunds did not always name a model.
        stored.expectAllNamed(["tool"])
        let days = (1...6).map { stored.day("2100-01-0\($0)", of: "user:a") }
        let month = stored.month("2100-01", of: "user:a")
        for meter in ["requests", "tokens", "input_tokens", "output_tokens", "cost"] {
            #expect(days.reduce(0) { $0 + ($1[meter] ?? 0) } == month[meter])
            for dimension in ["tool", "model"] {
                let sums = (days + [month]).map { page in
                    page.filter { $0.key.hasPrefix("\(meter)/\(dimension)") }.values.reduce(0, +)
                }
                #expect(sums.dropLast().reduce(0, +) == sums.last, "\(meter) \(dimension)")
            }
            #expect(month["\(meter)/tool/other", default: 0] > 0)
            let unnamed = stored.unnamed(month, of: "user:a")
            #expect(unnamed["\(meter)/model", default: 0] < 0)
            #expect(unnamed["\(meter)/provider"] == month[meter])
        }
        try await harness.stop()
    }
}
