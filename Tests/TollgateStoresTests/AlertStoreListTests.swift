import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct AlertStoreListTests {
    private typealias Harness = AlertStoreHarness

    /// Returns all pages with at most `count` items each.
    private func all(
        _ harness: AlertStoreHarness, _ filter: AlertFilter = AlertFilter(), by count: Int
    ) async throws -> [Alert] {
        var (found, cursor): ([Alert], String?) = ([], nil)
        repeat {
            let page = try await harness.store.alerts(filter, before: cursor, atMost: count)
            #expect(page.items.count <= count)
            found += page.items
            cursor = page.next
        } while cursor != nil
        return found
    }

    @Test("alerts are paged newest first, each once, even if many were opened in one millisecond")
    func pages() async throws {
        try await Harness.with { harness in
            #expect(try await harness.store.alerts(atMost: 5).items.isEmpty)
            let alerts = try (0..<23).map { try Harness.alert("user:u\($0)", at: $0 < 11 ? 0 : Int64($0)) }
            for alert in alerts { try await harness.open(alert) }
            let newestFirst = alerts.sorted { ($0.openedAt, $0.id) > ($1.openedAt, $1.id) }
            for count in [1, 2, 11, 22, 23, 24, 1_000] { #expect(try await all(harness, by: count) == newestFirst) }
            #expect(try await harness.store.alerts(atMost: 23).next == nil)
            #expect(try await harness.store.active(atMost: 5) == Array(newestFirst.prefix(5)))
            #expect(try await harness.store.active(atMost: 5_000) == newestFirst)
        }
    }

    @Test("a change between two pages neither hides nor repeats another alert")
    func changes() async throws {
        try await Harness.with { harness in
            let alerts = try (0..<30).map { try Harness.alert("user:u\($0)", at: Int64($0)) }
            for alert in alerts { try await harness.open(alert) }
            let first = try await harness.store.alerts(.active, atMost: 10)
            #expect(first.items == alerts[20...].reversed())
            // The last alert of the page, one of the next, a new one, and one that moves to another index.
            for place in [20, 15] {
                _ = try await harness.store.resolve(alerts[place].id, by: Harness.author, at: Harness.start)
            }
            try await harness.open(Harness.alert("user:new", at: 100))
            let seen = try await harness.store.acknowledge(alerts[12].id, by: Harness.author, at: Harness.start)
            let second = try await harness.store.alerts(.active, before: first.next, atMost: 10)
            var expected = Array(alerts[9...19].reversed())
            expected.removeAll { $0.id == alerts[15].id }
            expected[expected.firstIndex { $0.id == seen.id }!] = seen
            #expect(second.items == expected)
            let rest = try await harness.store.alerts(.active, before: second.next, atMost: 10)
            #expect(rest.items == alerts[..<9].reversed())
            #expect(rest.next == nil)
        }
    }

    @Test("filters by state, scope and severity match exactly, alone and combined")
    func filters() async throws {
        try await Harness.with { harness in
            var alerts: [Alert] = []
            for number in 0..<48 {
                var alert = try Harness.alert(
                    ["user:alice", "user:bob", "global"][number % 3], .cost, .day,
                    threshold: [80, 90, 95, 100][number % 4],
                    at: Int64(number))
                try await harness.open(alert)
                let at = alert.openedAt + 1
                if number % 5 == 1 { alert = try await harness.store.acknowledge(alert.id, by: Harness.author, at: at) }
                if number % 7 == 1 { alert = try await harness.store.resolve(alert.id, by: Harness.author, at: at) }
                alerts.append(alert)
            }
            let scopes = [nil] + (try ["user:alice", "global", "user:nobody"].map { try Scope(parsing: $0) })
            let states: [Set<Alert.State>] = [
                [], [.open], [.acknowledged], [.resolved], [.open, .acknowledged], [.acknowledged, .resolved],
            ]
            for scope in scopes {
                for states in states {
                    for severity in [nil] + Alert.Severity.allCases {
                        let filter = AlertFilter(states: states, scope: scope, severity: severity)
                        let expected = alerts.reversed().filter {
                            (states.isEmpty || states.contains($0.state)) && (scope == nil || $0.scope == scope)
                                && (severity == nil || $0.severity == severity)
                        }
                        #expect(try await all(harness, filter, by: 4) == expected, "\(filter)")
                    }
                }
            }
        }
    }

    @Test(
        "a page reads a bounded number of alerts from the smallest index, however few of them match"
    )
    func bounded() async throws {
        try await Harness.with { harness in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<2_500 {
                    group.addTask {
                        let isLast = number == 0
                        try await harness.open(
                            Harness.alert(
                                isLast ? "user:rare" : "user:alice", threshold: isLast ? 100 : 80, at: Int64(number)))
                    }
                }
                try await group.waitForAll()
            }
            let filter = AlertFilter(severity: .critical)
            var (pages, found, cursor): (Int, [Alert], String?) = (0, [], nil)
            repeat {
                try harness.redis.cli("CONFIG", "RESETSTAT")
                let page = try await harness.store.alerts(filter, before: cursor, atMost: 10)
                #expect(try commandCounts(harness.redis)["hgetall"] ?? 0 <= 1_000)
                (pages, found, cursor) = (pages + 1, found + page.items, page.next)
            } while cursor != nil
            #expect(pages == 3)
            #expect(found.map(\.scope.description) == ["user:rare"])

            try harness.redis.cli("CONFIG", "RESETSTAT")
            let ofOne = AlertFilter(states: [.open], scope: try Scope(parsing: "user:rare"), severity: .critical)
            let page = try await harness.store.alerts(ofOne, atMost: 10)
            #expect(page.items == found && page.next == nil)
            let counts = try commandCounts(harness.redis)
            #expect(counts["hgetall"] == 1)
            #expect(counts["keys"] == nil && counts["scan"] == nil)
        }
    }

    @Test(
        "a cursor that no page returned is refused",
        arguments: ["", "x", "%%%", "bm9uc2Vuc2U", "LTEgYQ", "MTIzNA", "MC0w"])
    func cursors(cursor: String) async throws {
        try await Harness.with { harness in
            await #expect(throws: StoreError.badCursor) { try await harness.store.alerts(before: cursor, atMost: 1) }
            await #expect(throws: StoreError.badCursor) {
                try await harness.store.denials.events(before: cursor, atMost: 1)
            }
        }
    }

    @Test("expired alerts are skipped and removed from the index")
    func expired() async throws {
        try await Harness.with { harness in
            let alerts = try (0..<10).map { try Harness.alert("user:alice", threshold: 80 + $0, at: Int64($0)) }
            for alert in alerts { try await harness.open(alert) }
            for place in [0, 3, 4, 9] { try harness.redis.cli("DEL", harness.keys.alert(alerts[place].id)) }
            let left = [8, 7, 6, 5, 2, 1].map { alerts[$0] }
            let scope = try Scope(parsing: "user:alice")
            for filter in [AlertFilter(), AlertFilter(states: [.open]), AlertFilter(scope: scope)] {
                #expect(try await all(harness, filter, by: 2) == left)
            }
            #expect(try await harness.ending(before: Harness.dayEnd, atMost: 100).count == 6)
            let keys = harness.keys
            for index in [keys.all, keys.inState(.open), keys.ofScope("user:alice"), keys.ending] {
                #expect(Set(try harness.members(index)) == Set(left.map(\.id)))
            }
        }
    }

    @Test(
        "a malformed alert is left out of lists and logged once; reading it by id is an error",
        arguments: [
            ("max", "many"), ("max", "-1"), ("used", "\(Int64.min)"), ("opened_at", "\(Int64.min)"),
            ("opened_at", "9417168000000000"), ("ends_at", "\(Int64.max)"), ("ends_at", "-1"), ("resolved_at", "-5"),
            ("id", "other"), ("state", "shut"),
        ])
    func unreadable(field: String, value: String) async throws {
        try await Harness.with { harness in
            let alerts = try (0..<3).map { try Harness.alert(threshold: 80 + $0, at: Int64($0)) }
            for alert in alerts { try await harness.open(alert) }
            let key = harness.keys.alert(alerts[1].id)
            try harness.redis.cli("HSET", key, field, value, "resolved_by", "auto")
            let readable = [alerts[2], alerts[0]]
            for count in [1, 2, 10] { #expect(try await all(harness, by: count) == readable) }
            #expect(try await harness.store.active(atMost: 10) == readable)
            let due = try await harness.store.reviews.due(before: Harness.dayEnd, atMost: 10).items
            #expect(Set(due.map(\.id)) == Set(alerts.map(\.id)))
            #expect(due.compactMap { try? $0.alert.get() }.count == 2)
            let sentence = "\(key): malformed alert"
            await #expect(throws: StoreError.corrupt(sentence)) { try await harness.store.alert(alerts[1].id) }
            #expect(harness.log.text.split(separator: "\n").filter { $0.contains(sentence) }.count == 1)
        }
    }

    @Test("the error names an index of another type")
    func corrupt() async throws {
        try await Harness.with { harness in
            try await harness.open(Harness.alert())
            let keys = harness.keys
            try harness.redis.cli("DEL", keys.all)
            try harness.redis.cli("SET", keys.all, "broken")
            await #expect(throws: StoreError.corrupt("\(keys.all): wrong data type")) {
                try await harness.store.alerts(atMost: 1)
            }
        }
    }
}
