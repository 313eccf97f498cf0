import Testing
import TollgateCore

@testable import TollgateProviders

@Suite("The schedule of an account")
struct SyncScheduleTests {
    private static let minute: Int64 = 60_000
    private static let hour: Int64 = 60 * minute

    private static func failure(_ kind: ProviderFailure.Kind, retryAfter: Duration? = nil) -> ProviderFailure {
        ProviderFailure(kind, retryAfter: retryAfter)
    }

    @Test("the first attempt is due at once, and there are no figures before a success")
    func start() {
        let schedule = SyncSchedule(settings: .init(), now: 1_000)
        #expect(schedule.isDue(at: 1_000) && schedule.lastSuccess == nil)
        #expect(schedule.state == .stale(since: 1_000))
        let known = SyncSchedule(settings: .init(), lastSuccess: 500, now: 1_000)
        #expect(known.state == .fresh && known.isDue(at: 1_000))
        let old = SyncSchedule(settings: .init(), lastSuccess: 500, now: Self.hour)
        #expect(old.state == .stale(since: 500))
    }

    @Test("an interval is at least a minute")
    func intervals() {
        #expect(SyncSchedule.Settings(interval: .seconds(1)).interval == .seconds(60))
        #expect(SyncSchedule.Settings(interval: .seconds(1_000_000)).interval == .seconds(86_400))
        #expect(SyncSchedule.Settings(interval: .seconds(300), staleAfter: .zero).staleAfter == .seconds(300))
        #expect(SyncSchedule.Settings().staleAfter == .seconds(180))
    }

    @Test("a success is followed by the interval, and up to a tenth of it", arguments: [60, 300, 7_200] as [Int64])
    func success(seconds: Int64) {
        var random = SeededGenerator(seed: 1)
        var schedule = SyncSchedule(settings: .init(interval: .seconds(seconds)), now: 0)
        var delays: Set<Int64> = []
        var now: Int64 = 0
        for _ in 0..<100 {
            _ = schedule.succeed(at: now, using: &random)
            let delay = schedule.nextAttempt - now
            #expect((seconds * 1_000...seconds * 1_100 + 1).contains(delay))
            #expect(!schedule.isDue(at: schedule.nextAttempt - 1) && schedule.isDue(at: schedule.nextAttempt))
            delays.insert(delay)
            now = schedule.nextAttempt
        }
        #expect(delays.count > 50)
    }

    @Test("failures are followed by delays of one to fifteen minutes, never shorter than the interval")
    func backoff() {
        for seed: UInt64 in 1...50 {
            var random = SeededGenerator(seed: seed)
            var schedule = SyncSchedule(settings: .init(), now: 0)
            for delay: Int64 in [60, 120, 240, 480, 900, 900, 900] {
                let now = schedule.nextAttempt
                _ = schedule.fail(Self.failure(.timedOut), at: now, using: &random)
                let range = max(60_000, delay * 800)...max(66_001, delay * 1_000 + 1)
                #expect(range.contains(schedule.nextAttempt - now), "seed \(seed), \(delay) s")
            }
            let now = schedule.nextAttempt
            _ = schedule.succeed(at: now, using: &random)
            #expect(schedule.nextAttempt - now <= 66_001, "seed \(seed)")
            _ = schedule.fail(Self.failure(.timedOut), at: now, using: &random)
            #expect(schedule.nextAttempt - now <= 66_001, "seed \(seed)")
        }
        var random = SeededGenerator(seed: 1)
        var slow = SyncSchedule(settings: .init(interval: .seconds(7_200)), now: 0)
        _ = slow.fail(Self.failure(.timedOut), at: 0, using: &random)
        #expect(slow.nextAttempt >= 7_200_000)
    }

    @Test("Retry-After is obeyed up to an hour, and never makes an attempt earlier")
    func retryAfter() {
        let cases: [(Duration, ClosedRange<Int64>)] = [
            (.seconds(1), 60_000...66_001), (.seconds(600), 600_000...600_000),
            (.seconds(90_000), Self.hour...Self.hour),
            (.zero, 60_000...66_001), (.seconds(-5), 60_000...66_001),
        ]
        for (asked, range) in cases {
            var random = SeededGenerator(seed: 3)
            var schedule = SyncSchedule(settings: .init(), now: 0)
            _ = schedule.fail(Self.failure(.rateLimited, retryAfter: asked), at: 0, using: &random)
            #expect(range.contains(schedule.nextAttempt), "\(asked)")
        }
    }

    @Test("each change of state is reported once")
    func changes() {
        var random = SeededGenerator(seed: 1)
        var schedule = SyncSchedule(settings: .init(), now: 0)
        let (broken, limited) = (Self.failure(.timedOut), Self.failure(.rateLimited, retryAfter: .seconds(9)))
        #expect(schedule.advance(to: 5) == nil)
        #expect(schedule.succeed(at: 10, using: &random) == .init(from: .stale(since: 0), to: .fresh))
        #expect(schedule.succeed(at: 20, using: &random) == nil)
        #expect(schedule.advance(to: 20 + 180_000) == nil)
        #expect(schedule.advance(to: 21 + 180_000) == .init(from: .fresh, to: .stale(since: 20)))
        #expect(schedule.advance(to: Self.hour) == nil)
        let failing = SyncSchedule.State.failing(since: Self.hour, broken)
        #expect(schedule.fail(broken, at: Self.hour, using: &random) == .init(from: .stale(since: 20), to: failing))
        #expect(schedule.fail(broken, at: 2 * Self.hour, using: &random) == nil)
        #expect(
            schedule.fail(ProviderFailure(.timedOut, message: "other words"), at: 3 * Self.hour, using: &random) == nil)
        #expect(schedule.advance(to: 4 * Self.hour) == nil, "the failure is the reason, and its age is known")
        let change = schedule.fail(limited, at: 5 * Self.hour, using: &random)
        #expect(change?.to == .failing(since: Self.hour, limited))
        #expect(schedule.lastSuccess == 20)
        #expect(
            schedule.succeed(at: 6 * Self.hour, using: &random)
                == .init(from: .failing(since: Self.hour, limited), to: .fresh))
    }

    @Test("a cancelled attempt is no failure, and is due again")
    func cancelled() {
        var random = SeededGenerator(seed: 1)
        var schedule = SyncSchedule(settings: .init(), now: 0)
        #expect(schedule.fail(Self.failure(.cancelled), at: 0, using: &random) == nil)
        #expect(schedule.isDue(at: 0) && schedule.state == .stale(since: 0))
    }

    @Test("a clock that is set back does not stop the attempts")
    func clock() {
        var random = SeededGenerator(seed: 1)
        var schedule = SyncSchedule(settings: .init(), now: 100 * Self.hour)
        _ = schedule.succeed(at: 100 * Self.hour, using: &random)
        #expect(!schedule.isDue(at: 100 * Self.hour))
        #expect(schedule.isDue(at: 50 * Self.hour))
        _ = schedule.succeed(at: 50 * Self.hour, using: &random)
        #expect(!schedule.isDue(at: 50 * Self.hour + Self.minute / 2) && schedule.state == .fresh)
    }
}
