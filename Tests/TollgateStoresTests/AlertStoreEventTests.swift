import NIOCore
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct AlertStoreEventTests {
    private typealias Harness = AlertStoreHarness

    private func event(
        _ scope: String, _ meter: Meter, _ period: Period, at offset: Int64, mode: LimitMode = .enforce
    ) throws -> DenialEvent {
        DenialEvent(
            at: Harness.start + offset, scope: try Scope(parsing: scope), meter: meter, period: period, max: 60,
            used: 60, mode: mode, source: "tier:basic",
            request: [try Scope(parsing: scope), try Scope(parsing: "tool:é \"x\"")])
    }

    private func all(
        _ harness: AlertStoreHarness, _ scope: Scope? = nil, _ limit: String? = nil, by count: Int
    ) async throws -> [DenialEvent] {
        var (found, cursor): ([DenialEvent], String?) = ([], nil)
        repeat {
            let page = try await harness.store.denials.events(scope: scope, limit: limit, before: cursor, atMost: count)
            #expect(page.items.count <= count)
            found += page.items.map(\.event)
            cursor = page.next
        } while cursor != nil
        return found
    }

    @Test("events are paged newest first: all, of a scope, of a limit, or of both")
    func pages() async throws {
        try await Harness.with { harness in
            #expect(try await harness.store.denials.events(atMost: 5).items.isEmpty)
            var events: [DenialEvent] = []
            for number in 0..<24 {
                let scope = ["user:alice", "global", "user:a+tool:b"][number % 3]
                let limits: [(Meter, Period)] = [
                    (.requests, .sliding(seconds: 60)), (.cost, .day), (.concurrent, .reservation), (.cost, .request),
                ]
                let (meter, period) = limits[number % 4]
                events.append(try event(scope, meter, period, at: Int64(number)))
                try await harness.store.denials.add(events[number])
            }
            events.reverse()
            for count in [1, 5, 24, 100] { #expect(try await all(harness, by: count) == events) }
            #expect(try await harness.store.denials.events(atMost: 24).next == nil)
            for text in ["user:alice", "global", "user:a+tool:b", "user:nobody"] {
                let scope = try Scope(parsing: text)
                #expect(try await all(harness, scope, by: 3) == events.filter { $0.scope == scope })
                #expect(
                    try await all(harness, scope, "cost/day", by: 1)
                        == events.filter { $0.scope == scope && $0.limitName == "cost/day" })
            }
            for limit in ["requests/1m", "concurrent", "cost/request", "cost/month"] {
                #expect(try await all(harness, nil, limit, by: 3) == events.filter { $0.limitName == limit })
            }
        }
    }

    @Test("events are selected by the mode of the limit; those of earlier versions are of enforced ones")
    func modes() async throws {
        try await Harness.with { harness in
            let (denied, shadow) = (
                try event("user:a", .cost, .day, at: 1), try event("user:a", .cost, .day, at: 2, mode: .shadow)
            )
            for event in [denied, shadow] { try await harness.store.denials.add(event) }
            let earlier = """
                local fields = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][2]
                local rest = {}
                for i = 1, #fields, 2 do
                    if fields[i] ~= 'mode' then
                        rest[#rest + 1], rest[#rest + 2] = fields[i], string.gsub(fields[i + 1], '"mode":"enforce",', '')
                    end
                end
                redis.call('XADD', KEYS[1], '*', unpack(rest))
                """
            try harness.redis.cli("EVAL", earlier, "1", harness.keys.events)
            func events(_ mode: LimitMode?) async throws -> [DenialEvent] {
                try await harness.store.denials.events(mode: mode, atMost: 10).items.map(\.event)
            }
            #expect(try await events(.shadow) == [shadow])
            #expect(try await events(.enforce) == [denied, denied])
            #expect(try await events(nil) == [denied, shadow, denied])
        }
    }

    @Test("about 10 000 events are retained, and a page reads a bounded number of them")
    func bounded() async throws {
        try await Harness.with { harness in
            try await harness.store.denials.add(event("user:old", .cost, .day, at: 0))
            try await harness.store.denials.add(event("user:rare", .cost, .day, at: 0))
            let entry = try harness.redis.cli("XREVRANGE", harness.keys.events, "+", "-", "COUNT", "1")
            #expect(entry.contains("user:rare"))
            let filler = """
                for i = 1, 9999 do
                    redis.call('XADD', KEYS[1], '*', 'scope', 'user:x', 'limit', 'cost/day', 'event', '{}')
                end
                """
            try harness.redis.cli("EVAL", filler, "1", harness.keys.events)
            var (pages, found, cursor): (Int, [DenialEntry], String?) = (0, [], nil)
            let rare = try Scope(parsing: "user:rare")
            repeat {
                let page = try await harness.store.denials.events(scope: rare, before: cursor, atMost: 5)
                (pages, found, cursor) = (pages + 1, found + page.items, page.next)
            } while cursor != nil
            #expect(pages == 6)
            #expect(found.map(\.event.scope) == [rare])
            try harness.redis.cli("EVAL", filler, "1", harness.keys.events)
            try await harness.store.denials.add(event("user:new", .cost, .day, at: 1))
            let length = Int(try harness.redis.cli("XLEN", harness.keys.events)) ?? 0
            #expect((10_000...10_200).contains(length))
        }
    }

    @Test("a malformed event is left out of pages and logged once")
    func unreadable() async throws {
        try await Harness.with { harness in
            let key = harness.keys.events
            let events = try [event("global", .cost, .day, at: 0), event("global", .cost, .day, at: 1)]
            try await harness.store.denials.add(events[0])
            let time = #""at":"2026-11-20T18:20:01.123Z""#
            let json = try CanonicalJSON.text(events[0])
            try #require(json.contains(time))
            var ids: [String] = []
            for text in ["{}", json.replacing(time, with: #""at":"0001-01-01T00:00:00Z""#)] {
                ids.append(try harness.redis.cli("XADD", key, "*", "scope", "global", "event", text))
            }
            try await harness.store.denials.add(events[1])
            for count in [1, 2, 10] { #expect(try await all(harness, by: count) == events.reversed()) }
            for id in ids {
                let lines = harness.log.text.split(separator: "\n").filter {
                    $0.contains("entry \(id): malformed entry")
                }
                #expect(lines.count == 1)
            }
        }
    }

    @Test("an event without a reply may be stored; one that could not be sent is not")
    func unknownOutcome() async throws {
        try await Harness.with(deadline: .milliseconds(300)) { harness in
            let event = try event("global", .cost, .day, at: 0)
            harness.redis.freeze(true)
            await #expect(throws: StoreError.unknownOutcome("no reply from Redis within 300 ms")) {
                try await harness.store.denials.add(event)
            }
            await #expect(throws: StoreError.notConnected) {
                try await harness.store.denials.add(event)
            }
            harness.redis.freeze(false)
            try await eventually { (try? await all(harness, by: 10)) == [event] }
        }
    }

    @Test("the error names a key of another type")
    func corrupt() async throws {
        try await Harness.with { harness in
            let key = harness.keys.events
            try harness.redis.cli("SET", key, "broken")
            for body in [
                { _ = try await harness.store.denials.events(atMost: 1) },
                { try await harness.store.denials.add(event("global", .cost, .day, at: 0)) },
            ] as [() async throws -> Void] {
                await #expect(throws: StoreError.corrupt("\(key): wrong data type")) { try await body() }
            }
        }
    }
}
