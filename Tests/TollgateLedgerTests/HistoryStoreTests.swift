import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite("Reading days, months and rankings")
struct HistoryStoreTests {
    /// A store on a real Redis.
    private struct Harness: Sendable {
        let redis: TestRedis
        let store: HistoryStore
        let alice: Scope

        /// Puts a current day of November 2026 into the hash of `user:alice`.
        func setRunningDay(_ id: String, _ amounts: [String: String]) throws {
            let text = "\(id) 1795996800000 2026-11 1796083200000 1 1 0"
            let fields = amounts.map { ("history/\($0.key)", $0.value) } + [("history", text)]
            try set("tollgate:user:alice", Dictionary(uniqueKeysWithValues: fields))
        }

        func set(_ key: String, _ fields: [String: String]) throws {
            try redis.cli(["HSET", key] + fields.flatMap { [$0.key, $0.value] })
        }
    }

    private func withStore(_ body: (Harness) async throws -> Void) async throws {
        let redis = try TestRedis()
        try await withStoreLink(to: redis) { link in
            let store = HistoryStore(link: link, keySpace: KeySpace(namespace: "tollgate"))
            try await body(Harness(redis: redis, store: store, alice: try Scope(parsing: "user:alice")))
        }
    }

    /// The ids of a number of days from October 22 2026 on.
    private func days(_ count: Int) throws -> [String] {
        let first = try #require(CalendarUnit.day.number(ofID: "2026-10-22"))
        return CalendarRules.utc.windows(.day, numbered: first...(first + Int64(count) - 1)).map(\.id)
    }

    @Test("a day has its totals and its parts; a missing day is empty")
    func aDay() async throws {
        try await withStore { harness in
            try harness.set(
                "tollgate:user:alice:day:2026-11-20",
                [
                    "requests": "3", "cost": "1250000000", "cost/provider=openai": "1000000000", "cost/tool=a/b=c": "7",
                    "tokens/tool/other": "5", "values/provider": "1", "month": "2026-11 1796083200000", "later": "x",
                ])
            let pages = try await harness.store.days(of: harness.alice, ids: ["2026-11-19", "2026-11-20"])
            #expect(pages[0] == HistoryRecord())
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

    @Test("the current day is read from the scope's hash, without its other fields, and added to its day record")
    func runningDay() async throws {
        try await withStore { harness in
            try harness.set("tollgate:user:alice", ["cost/day": "1", "held": "x", "history": "", "alerts": "x"])
            try harness.setRunningDay(
                "2026-11-20",
                [
                    "cost": "9", "cost/provider=openai": "4", "cost/tool=a": "2", "requests/tool=a": "0",
                    "cost/tool/other": "3",
                ])
            let ids = ["2026-11-19", "2026-11-20", "2026-11-21"]
            var days = try await harness.store.days(of: harness.alice, ids: ids)
            #expect(days[0] == HistoryRecord() && days[2] == HistoryRecord())
            #expect(days[1].total[.cost] == 9)
            #expect(days[1].labelled[.init(kind: "tool", id: "a")]?[.cost] == 2)
            #expect(days[1].other[.tool]?[.cost] == 3)
            // A part that has been moved before.
            try harness.set("tollgate:user:alice:day:2026-11-20", ["cost": "100", "cost/tool=a": "30"])
            days = try await harness.store.days(of: harness.alice, ids: ids)
            #expect(days[1].total[.cost] == 109)
            #expect(days[1].labelled[.init(kind: "tool", id: "a")]?[.cost] == 32)
            let totals = try await harness.store.days(of: harness.alice, ids: ids, .totals)
            #expect(totals.map(\.total) == days.map(\.total) && totals[1].labelled.isEmpty)
            let providers = try await harness.store.days(of: harness.alice, ids: ids, .labels([.provider]))
            #expect(providers[1].total == days[1].total)
            #expect(providers[1].labelled.keys.map(\.kind) == ["provider"] && providers[1].other.isEmpty)
        }
    }

    @Test("30 days take 30 reads and one of the scope's hash, with or without labels, and no other command")
    func reads() async throws {
        try await withStore { harness in
            let ids = try days(30)
            for (index, id) in ids.enumerated() {
                try harness.set("tollgate:user:alice:day:\(id)", ["cost": "\(index)", "cost/tool=a": "\(index)"])
            }
            for (detail, command) in [(HistoryStore.Detail.everything, "hgetall"), (.totals, "hmget")] {
                try harness.redis.cli("CONFIG", "RESETSTAT")
                let pages = try await harness.store.days(of: harness.alice, ids: ids, detail)
                #expect(pages.map { $0.total[.cost] } == Array(0..<30).map(Int64.init))
                let counts = try commandCounts(harness.redis)
                #expect(counts[command] == 31)
                let others = counts.keys.filter { ![command, "config|resetstat", "info"].contains($0) }
                #expect(others.isEmpty, "\(others)")
                // If one of them is the current day, a check that it still is.
                try harness.setRunningDay(ids[29], ["cost": "1000"])
                try harness.redis.cli("CONFIG", "RESETSTAT")
                #expect(try await harness.store.days(of: harness.alice, ids: ids, detail)[29].total[.cost] == 1029)
                let running = try commandCounts(harness.redis)
                #expect(running[command] == 31 && running["hget"] == 1)
                try harness.redis.cli("DEL", "tollgate:user:alice")
            }
        }
    }

    @Test("many days are read in parts and returned in order")
    func manyDays() async throws {
        try await withStore { harness in
            let ids = try days(366)
            for (index, id) in ids.enumerated() where index.isMultiple(of: 61) {
                try harness.set("tollgate:user:alice:day:\(id)", ["requests": "\(index + 1)"])
            }
            let pages = try await harness.store.days(of: harness.alice, ids: ids)
            #expect(pages.count == 366)
            for (index, page) in pages.enumerated() {
                #expect(page.total[.requests] == (index.isMultiple(of: 61) ? Int64(index + 1) : 0))
            }
        }
    }

    @Test("a month is its own record and the current day within it; other day records are not read")
    func months() async throws {
        try await withStore { harness in
            let scope = "tollgate:user:alice"
            try harness.set("\(scope):month:2026-10", ["cost": "100", "cost/tool=a": "60"])
            try harness.set("\(scope):month:2026-11", ["cost": "10", "cost/tool=a": "4", "values/tool": "1"])
            // A day whose calendar month differs from that of its date.
            try harness.setRunningDay("2026-12-03", ["cost": "5", "cost/tool=a": "1", "cost/tool=b": "4"])
            try harness.set("\(scope):day:2026-12-03", ["cost": "3", "month": "2026-11 1796083200000"])
            try harness.set("\(scope):day:2026-11-20", ["cost": "7", "month": "2026-11 1796083200000"])
            try harness.set("\(scope):month:2026-12", ["cost": "1"])
            try harness.redis.cli("CONFIG", "RESETSTAT")
            let ids = ["2026-09", "2026-10", "2026-11", "2026-12"]
            let months = try await harness.store.months(of: harness.alice, ids: ids)
            #expect(months.map { $0.total[.cost] } == [0, 100, 15, 1])
            #expect(months[2].labelled[.init(kind: "tool", id: "a")]?[.cost] == 5)
            #expect(months[2].labelled[.init(kind: "tool", id: "b")]?[.cost] == 4)
            let counts = try commandCounts(harness.redis)
            #expect(counts["hgetall"] == 5 && counts["hget"] == 1)
            let totals = try await harness.store.months(of: harness.alice, ids: ids, .totals)
            #expect(totals.map(\.total) == months.map(\.total))
        }
    }

    @Test("the error for foreign data names its key, and a number with too many digits becomes the largest")
    func corrupt() async throws {
        try await withStore { harness in
            let scope = "tollgate:user:alice"
            try harness.redis.cli("SET", "\(scope):day:2026-11-20", "x")
            try harness.redis.cli("SET", "\(scope):month:2026-11", "x")
            try harness.set("\(scope):day:2026-11-21", ["cost/tool=a": "1.5"])
            try harness.set("\(scope):day:2026-11-22", ["tokens": "-1"])
            try harness.set("\(scope):day:2026-11-23", ["tokens": "92233720368547758070"])
            for detail in [HistoryStore.Detail.everything, .totals] {
                await #expect(throws: StoreError.corrupt("\(scope):day:2026-11-20: wrong data type")) {
                    try await harness.store.days(of: harness.alice, ids: ["2026-11-19", "2026-11-20"], detail)
                }
                await #expect(throws: StoreError.corrupt("\(scope):month:2026-11: wrong data type")) {
                    try await harness.store.months(of: harness.alice, ids: ["2026-11"], detail)
                }
                await #expect(
                    throws: StoreError.corrupt("\(scope):day:2026-11-22, field tokens: expected a whole number")
                ) {
                    try await harness.store.days(of: harness.alice, ids: ["2026-11-22"], detail)
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

    @Test("the error for foreign data in a scope's hash names its key too")
    func corruptRunningDay() async throws {
        try await withStore { harness in
            let key = "tollgate:user:alice"
            func expectCorrupt(_ problem: String, _ location: SourceLocation = #_sourceLocation) async {
                for detail in [HistoryStore.Detail.everything, .totals] {
                    await #expect(throws: StoreError.corrupt(key + problem), sourceLocation: location) {
                        try await harness.store.days(of: harness.alice, ids: ["2026-11-19"], detail)
                    }
                    await #expect(throws: StoreError.corrupt(key + problem), sourceLocation: location) {
                        try await harness.store.months(of: harness.alice, ids: ["2026-11"], detail)
                    }
                }
            }
            for name in ["", "2026-11-20", "2026-11-20 1 2026-11", "2026-11-20 1 x 2", "2026-13-20 1 2026-11 2 0 0 0"] {
                try harness.set(key, ["history": name])
                await expectCorrupt(
                    """
                    , field history: expected DAY DAY_END MONTH MONTH_END, such as \
                    2026-11-29 1795996800000 2026-11 1796083200000
                    """)
            }
            try harness.setRunningDay("2026-11-20", ["cost": "1.5"])
            await expectCorrupt(", field history/cost: expected a whole number")
            try harness.redis.cli("SET", key, "x")
            await expectCorrupt(": wrong data type")
        }
    }

    @Test(
        "a day that is moved to its own page between two reads of a report is counted once", arguments: [true, false])
    func movedMeanwhile(isTotals: Bool) async throws {
        try await withStore { harness in
            let detail = isTotals ? HistoryStore.Detail.totals : .everything
            let ledger = try await LedgerHarness(policy: Policy(), redis: harness.redis)
            let start = ScriptTests.start
            let day: Int64 = 86_400_000
            let operation = try TestOperation.record("user:alice", "tool:t", amounts: Amounts(cost: 100))
            /// A report during which a new day begins right after its first read.
            func read<Result: Sendable>(
                whileBeginning number: Int64, _ report: @escaping @Sendable () async throws -> Result
            ) async throws -> Result {
                let turns = harness.store.turns
                let (gate, opener) = AsyncStream.makeStream(of: Void.self)
                let holding = Task.immediate {
                    try await turns.next { () async throws(StoreError) in for await _ in gate {} }
                }
                let reading = Task.immediate { try await report() }
                let moving = Task.immediate {
                    try await turns.next { () async throws(StoreError) in
                        _ = try? await ledger.apply(operation, at: start + number * day)
                    }
                }
                try harness.redis.cli("CONFIG", "RESETSTAT")
                opener.finish()
                try await holding.value
                try await moving.value
                let result = try await reading.value
                #expect(
                    try commandCounts(harness.redis)["hget", default: 0] >= 3,
                    "the day is there, and was not there any more")
                return result
            }
            #expect(try await ledger.apply(operation, at: start) == "OK")
            let ids = (1...4).map { "2100-01-0\($0)" }
            let (store, alice) = (harness.store, harness.alice)
            let days = try await read(whileBeginning: 1) { try await store.days(of: alice, ids: ids, detail) }
            #expect(days.map { $0.total[.cost] } == [100, 100, 0, 0])
            let months = try await read(whileBeginning: 2) {
                try await store.months(of: alice, ids: ["2099-12", "2100-01"], detail)
            }
            #expect(months.map { $0.total[.cost] } == [0, 300])
            let ranked = try await read(whileBeginning: 3) { try await store.totals(of: [alice], day: "2100-01-03") }
            #expect(ranked.map { $0.amounts[.cost] } == [100])
            try await ledger.stop()
        }
    }

    @Test("a ranking has the exact amounts of its scopes' day records, sorted, without zeros")
    func top() async throws {
        try await withStore { harness in
            let users = ["a", "b", "c++c", "d", "e"]
            // Beyond 2⁵³ the scores of a and b are equal.
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
            #expect(counts["zrevrange"] == 1 && counts["hmget"] == 10 && counts["hget"] == nil)
            let first = try await harness.store.top(kind: user, meter: .cost, day: "2026-11-20", atMost: 3)
            #expect(first.count == 3)
            let none = try await harness.store.top(kind: user, meter: .tokens, day: "2026-11-20", atMost: 10)
            #expect(none.isEmpty)
        }
    }

    @Test("the error for a ranking of another type, or with an invalid scope, names its key")
    func corruptRanking() async throws {
        try await withStore { harness in
            let key = "tollgate:top-scopes:user:cost:2026-11-20"
            let user = try ScopeKind(parsing: "user")
            try harness.redis.cli("ZADD", key, "1", "nobody")
            await #expect(throws: StoreError.corrupt("\(key): nobody is not a scope")) {
                try await harness.store.top(kind: user, meter: .cost, day: "2026-11-20", atMost: 10)
            }
            try harness.redis.cli("SET", key, "x")
            await #expect(throws: StoreError.corrupt("\(key): wrong data type")) {
                try await harness.store.top(kind: user, meter: .cost, day: "2026-11-20", atMost: 10)
            }
        }
    }
}
