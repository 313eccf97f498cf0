import Logging
import NIOCore
import NIOPosix
import Testing
import TollgateCore
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger

@Suite("Reading days, months and rankings")
struct HistoryStoreTests {
    /// A store on a real Redis.
    private struct Harness: Sendable {
        let redis: TestRedis
        let store: HistoryStore
        let alice: Scope

        func set(_ key: String, _ fields: [String: String]) throws {
            try redis.cli(["HSET", key] + fields.flatMap { [$0.key, $0.value] })
        }
    }

    private func withStore(_ body: (Harness) async throws -> Void) async throws {
        let redis = try TestRedis()
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let link = try await eventLoop.submit {
            let link = RedisLink(
                address: redis.address, eventLoop: eventLoop,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            link.start()
            return NIOLoopBound(link, eventLoop: eventLoop)
        }.get()
        try await eventually { try await eventLoop.submit { link.value.isReady }.get() }
        let store = HistoryStore(
            link: StoreLink(link, deadline: .seconds(20)), keySpace: KeySpace(namespace: "tollgate"))
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await body(Harness(redis: redis, store: store, alice: try Scope(parsing: "user:alice"))))
        } catch {
            result = .failure(error)
        }
        try await eventLoop.flatSubmit { link.value.shutdown() }.get()
        try result.get()
    }

    /// The ids of so many days from October 22 2026 on.
    private func days(_ count: Int) throws -> [String] {
        let first = try #require(CalendarUnit.day.number(ofID: "2026-10-22"))
        return CalendarRules.utc.windows(.day, numbered: first...(first + Int64(count) - 1)).map(\.id)
    }

    @Test("a day has its totals and its parts; where nothing is kept there is nothing")
    func aDay() async throws {
        try await withStore { harness in
            try harness.set(
                "tollgate:user:alice:day:2026-11-20",
                [
                    "requests": "3", "cost": "1250000000", "cost/provider=openai": "1000000000", "cost/tool=a/b=c": "7",
                    "tokens/tool/other": "5", "values/provider": "1", "folded": "1", "later": "x",
                ])
            let pages = try await harness.store.days(of: harness.alice, ids: ["2026-11-19", "2026-11-20"])
            #expect(pages[0] == HistoryPage())
            #expect(pages[1].total[.requests] == 3)
            #expect(pages[1].total[.cost] == 1_250_000_000)
            #expect(pages[1].labelled[.init(kind: "provider", id: "openai")]?[.cost] == 1_000_000_000)
            #expect(pages[1].labelled[.init(kind: "tool", id: "a/b=c")]?[.cost] == 7)
            #expect(pages[1].other[.tool]?[.tokens] == 5)
            let totals = try await harness.store.days(of: harness.alice, ids: ["2026-11-20"], .totals)
            #expect(totals[0].total == pages[1].total)
            #expect(totals[0].labelled.isEmpty)
            let tools = try await harness.store.days(of: harness.alice, ids: ["2026-11-20"], .labels([.tool]))
            #expect(tools[0].total == pages[1].total)
            #expect(tools[0].labelled.keys.map(\.kind) == ["tool"])
            #expect(tools[0].other == pages[1].other)
        }
    }

    @Test("30 days are 30 reads, whether labels are wanted or not, and all that is asked of Redis")
    func reads() async throws {
        try await withStore { harness in
            let ids = try days(30)
            for (place, id) in ids.enumerated() {
                try harness.set("tollgate:user:alice:day:\(id)", ["cost": "\(place)", "cost/tool=a": "\(place)"])
            }
            for (detail, command) in [(HistoryStore.Detail.everything, "hgetall"), (.totals, "hmget")] {
                try harness.redis.cli("CONFIG", "RESETSTAT")
                let pages = try await harness.store.days(of: harness.alice, ids: ids, detail)
                #expect(pages.map { $0.total[.cost] } == Array(0..<30).map(Int64.init))
                let counts = try commandCounts(harness.redis)
                #expect(counts[command] == 30)
                let others = counts.keys.filter { ![command, "config|resetstat", "info"].contains($0) }
                #expect(others.isEmpty, "\(others)")
            }
        }
    }

    @Test("many days are read in parts, and come in their order")
    func manyDays() async throws {
        try await withStore { harness in
            let ids = try days(366)
            for (place, id) in ids.enumerated() where place.isMultiple(of: 61) {
                try harness.set("tollgate:user:alice:day:\(id)", ["requests": "\(place + 1)"])
            }
            let pages = try await harness.store.days(of: harness.alice, ids: ids)
            #expect(pages.count == 366)
            for (place, page) in pages.enumerated() {
                #expect(page.total[.requests] == (place.isMultiple(of: 61) ? Int64(place + 1) : 0))
            }
        }
    }

    @Test("a month is its page and the days that this names; another day's page is left alone")
    func months() async throws {
        try await withStore { harness in
            let scope = "tollgate:user:alice"
            try harness.set("\(scope):month:2026-10", ["cost": "100", "cost/tool=a": "60"])
            try harness.set(
                "\(scope):month:2026-11", ["open_day": "2026-12-03", "cost": "10", "cost/tool=a": "4", "folded": "1"])
            try harness.set("\(scope):day:2026-12-03", ["cost": "5", "cost/tool=a": "1", "cost/tool=b": "4"])
            try harness.set("\(scope):day:2026-11-20", ["cost": "10", "folded": "1"])
            try harness.set("\(scope):month:2026-12", ["open_day": "2026-12-29 2026-12-30 2026-12-31", "cost": "1"])
            try harness.set("\(scope):day:2026-12-29", ["cost": "20", "cost/tool=a": "20"])
            try harness.set("\(scope):day:2026-12-31", ["cost": "300"])
            try harness.redis.cli("CONFIG", "RESETSTAT")
            let ids = ["2026-09", "2026-10", "2026-11", "2026-12"]
            let months = try await harness.store.months(of: harness.alice, ids: ids)
            #expect(months.map { $0.total[.cost] } == [0, 100, 15, 321])
            #expect(months[3].labelled[.init(kind: "tool", id: "a")]?[.cost] == 20)
            #expect(months[2].labelled[.init(kind: "tool", id: "a")]?[.cost] == 5)
            #expect(months[2].labelled[.init(kind: "tool", id: "b")]?[.cost] == 4)
            #expect(try commandCounts(harness.redis)["hgetall"] == 8)
            let totals = try await harness.store.months(of: harness.alice, ids: ids, .totals)
            #expect(totals.map(\.total) == months.map(\.total))
        }
    }

    @Test("what Tollgate did not write is told by its key, and what has more digits than a number holds is the largest")
    func corrupt() async throws {
        try await withStore { harness in
            let scope = "tollgate:user:alice"
            try harness.redis.cli("SET", "\(scope):day:2026-11-20", "x")
            try harness.redis.cli("SET", "\(scope):month:2026-11", "x")
            try harness.set("\(scope):day:2026-11-21", ["cost/tool=a": "1.5"])
            try harness.set("\(scope):day:2026-11-22", ["tokens": "-1"])
            try harness.set("\(scope):month:2026-12", ["open_day": "2026-12-01 x}:y"])
            try harness.set("\(scope):day:2026-11-23", ["tokens": "92233720368547758070"])
            for detail in [HistoryStore.Detail.everything, .totals] {
                await #expect(throws: StoreError.corrupt("\(scope):day:2026-11-20: is of another type")) {
                    try await harness.store.days(of: harness.alice, ids: ["2026-11-19", "2026-11-20"], detail)
                }
                await #expect(throws: StoreError.corrupt("\(scope):month:2026-11: is of another type")) {
                    try await harness.store.months(of: harness.alice, ids: ["2026-11"], detail)
                }
                await #expect(
                    throws: StoreError.corrupt("\(scope):day:2026-11-22, field tokens: expected a whole number")
                ) {
                    try await harness.store.days(of: harness.alice, ids: ["2026-11-22"], detail)
                }
                await #expect(
                    throws: StoreError.corrupt(
                        "\(scope):month:2026-12, field open_day: expected a day such as 2026-11-20")
                ) {
                    try await harness.store.months(of: harness.alice, ids: ["2026-12"], detail)
                }
            }
            await #expect(
                throws: StoreError.corrupt("\(scope):day:2026-11-21, field cost/tool=a: expected a whole number")
            ) {
                try await harness.store.days(of: harness.alice, ids: ["2026-11-21"])
            }
            let large = try await harness.store.days(of: harness.alice, ids: ["2026-11-23"])
            #expect(large[0].total[.tokens] == .max)
        }
    }

    @Test("a ranking has the exact amounts of its scopes' pages, sorted by them, and none of zero")
    func top() async throws {
        try await withStore { harness in
            let users = ["a", "b", "c++c", "d", "e"]
            // Beyond 2⁵³ the scores of a and b are the same.
            let costs: [Int64] = [9_007_199_254_740_992, 9_007_199_254_740_993, 7, 7, 0]
            for (user, cost) in zip(users, costs) {
                try harness.set(
                    "tollgate:user:\(user):day:2026-11-20",
                    ["cost": "\(cost)", "requests": "2", "cost/tool=x": "1"])
                try harness.redis.cli("ZADD", "tollgate:top-scopes:user:cost:2026-11-20", "\(cost)", "user:\(user)")
            }
            let user = try ScopeKind(parsing: "user")
            try harness.redis.cli("CONFIG", "RESETSTAT")
            let top = try await harness.store.top(kind: user, meter: .cost, day: "2026-11-20", atMost: 10)
            #expect(top.map(\.scope.description) == ["user:b", "user:a", "user:c++c", "user:d"])
            #expect(top.map { $0.amounts[.cost] } == [9_007_199_254_740_993, 9_007_199_254_740_992, 7, 7])
            #expect(top.map { $0.amounts[.requests] } == [2, 2, 2, 2])
            let counts = try commandCounts(harness.redis)
            #expect(counts["zrevrange"] == 1 && counts["hmget"] == 5)
            let first = try await harness.store.top(kind: user, meter: .cost, day: "2026-11-20", atMost: 3)
            #expect(first.count == 3)
            let none = try await harness.store.top(kind: user, meter: .tokens, day: "2026-11-20", atMost: 10)
            #expect(none.isEmpty)
        }
    }

    @Test("a ranking that is none, or names what is no scope, is told by its key")
    func corruptRanking() async throws {
        try await withStore { harness in
            let key = "tollgate:top-scopes:user:cost:2026-11-20"
            let user = try ScopeKind(parsing: "user")
            try harness.redis.cli("ZADD", key, "1", "nobody")
            await #expect(throws: StoreError.corrupt("\(key): nobody is no scope")) {
                try await harness.store.top(kind: user, meter: .cost, day: "2026-11-20", atMost: 10)
            }
            try harness.redis.cli("SET", key, "x")
            await #expect(throws: StoreError.corrupt("\(key): is of another type")) {
                try await harness.store.top(kind: user, meter: .cost, day: "2026-11-20", atMost: 10)
            }
        }
    }
}
