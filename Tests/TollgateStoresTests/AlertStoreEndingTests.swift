import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct AlertStoreEndingTests {
    private typealias Harness = AlertStoreHarness
    private static let key = "tollgate:user:alice"

    @Test("alerts are due by Redis's clock")
    func redisTime() async throws {
        try await Harness.with { harness in
            let words = try harness.redis.cli("TIME").split(separator: "\n").compactMap { Int64($0) }
            let before = words[0] * 1_000 + words[1] / 1_000
            let alerts = try (0..<2).map { try Harness.alert(threshold: 80 + $0) }
            for alert in alerts { try await harness.open(alert) }
            try await harness.store.reviews.postpone(alerts[0], to: before)
            try await harness.store.reviews.postpone(alerts[1], to: before + Harness.day)
            let ending = try await harness.store.reviews.due(atMost: 10)
            #expect((before...before + 600_000).contains(ending.now))
            #expect(ending.items.map(\.id) == [alerts[0].id])
            #expect(!ending.hasMore)
            #expect(try await harness.store.reviews.due(atMost: 1).hasMore)
            #expect(try await (before...before + 600_000).contains(harness.store.redisTime()))
        }
    }

    @Test("an alert of a total limit is due a day after it was opened, and has no end")
    func total() async throws {
        try await Harness.with { harness in
            let alert = try await harness.open(Harness.alert("user:alice", .cost, .total))
            #expect(try await harness.ending(before: alert.openedAt + Harness.day - 1, atMost: 10).isEmpty)
            #expect(try await harness.ending(before: alert.openedAt + Harness.day, atMost: 10) == [alert])
            #expect(try await harness.store.alert(alert.id)?.endsAt == nil)
            let entries = try await harness.store.stream.entries(after: "0", atMost: 1)
            #expect(entries.first?.alert.endsAt == nil)
        }
    }

    @Test("resolved and expired alerts are removed from the review queue")
    func letGo() async throws {
        try await Harness.with { harness in
            let alert = try await harness.open(Harness.alert())
            try await harness.store.publish(.resolved(id: alert.id, at: alert.openedAt, reason: .reset))
            try harness.redis.cli("ZADD", harness.keys.ending, "1", alert.id, "2", "nothing")
            #expect(try await harness.store.reviews.due(atMost: 10).items.isEmpty)
            #expect(try harness.members(harness.keys.ending).isEmpty)
        }
    }

    @Test("an alert with a time out of range is not written")
    func outOfRange() async throws {
        try await Harness.with { harness in
            for time in [Int64.min, -1, .max] {
                var alert = try Harness.alert()
                alert.openedAt = time
                let refusal = StoreError.corrupt("\(harness.keys.alert(alert.id)): a time or an amount is out of range")
                try await harness.expectRefusal(refusal) { try await harness.store.publish(.opened(alert)) }
            }
            let alert = try await harness.open(Harness.alert())
            let refusal = StoreError.corrupt("\(harness.keys.alert(alert.id)): a time or an amount is out of range")
            try await harness.expectRefusal(refusal) {
                try await harness.store.publish(.resolved(id: alert.id, at: .min, reason: .reset))
            }
        }
    }

    @Test("an alert applies if the scope's hash lists its limit, threshold and opening time")
    func holds() async throws {
        try await Harness.with { harness in
            let alert = try Harness.alert("user:alice", .cost, .total)
            let at = alert.openedAt
            #expect(try await !harness.store.applies(alert))
            for (field, holds) in [
                ("cost/total - 80:20:\(at)", true),
                ("requests/day - 80:20:\(at);cost/total - 50:1:5 80:20:\(at)", true),
                ("cost/total - 80:20:-\(at)", false), ("cost/total - 80:20:\(at + 1)", false),
                ("cost/total - 90:20:\(at)", false), ("cost/day x/5 80:20:\(at)", false),
                ("", false), ("cost/total", false), ("; ;cost/total - ::;cost/total - 80:20:\(at)", true),
            ] {
                try harness.redis.cli("HSET", Self.key, "alerts", field)
                #expect(try await harness.store.applies(alert) == holds, "\(field)")
            }
            try harness.redis.cli("DEL", Self.key)
            try harness.redis.cli("SET", Self.key, "broken")
            await #expect(throws: StoreError.corrupt("\(Self.key): wrong data type")) {
                try await harness.store.applies(alert)
            }
        }
    }

    @Test("the resolution of an alert in the scope's outbox has the reason that the batch function found")
    func unpublished() async throws {
        try await Harness.with { harness in
            let alert = try Harness.alert("user:alice", .cost, .total)
            #expect(try await harness.store.unpublishedResolution(of: alert) == nil)
            func item(_ percent: Int, _ at: Int64) -> String {
                #"{"resolved":"cost/total","percent":\#(percent),"opened_at":\#(at),"reason":"refunded","at":7}"#
            }
            let (at, other) = (alert.openedAt, #"{"unreadable":"x"}"#)
            for (field, isThere) in [
                ("[\(other),\(item(80, at))]", true), ("[\(item(90, at)),\(item(80, at + 1))]", false), ("x", false),
            ] {
                try harness.redis.cli("HSET", Self.key, "outbox", field)
                let expected = isThere ? AlertChange.resolved(id: alert.id, at: 7, reason: .refunded) : nil
                #expect(try await harness.store.unpublishedResolution(of: alert) == expected, "\(field)")
            }
        }
    }

    @Test("forgetting an alert removes it from the hash, and the limit's entry with the last open one")
    func forget() async throws {
        try await Harness.with { harness in
            let alert = try Harness.alert("user:alice", .cost, .total)
            let at = alert.openedAt
            for (before, after) in [
                ("cost/total - 50:20:-7 80:20:\(at)", nil),
                ("cost/total - 50:20:7 80:20:\(at)", "cost/total - 50:20:7"),
                (
                    "a - 1:1:1;cost/total - 80:20:\(at) 80:10:-\(at)", "a - 1:1:1"
                ),
                ("cost/total - 90:20:\(at)", "cost/total - 90:20:\(at)"),
                ("cost/total - 80:20:-\(at)", "cost/total - 80:20:-\(at)"),
                ("nonsense;cost/total - 80:20:\(at)", nil), ("nonsense", "nonsense"),
            ] as [(String, String?)] {
                try harness.redis.cli("HSET", Self.key, "alerts", before, "cost/total", "5")
                try await harness.store.forget(alert)
                #expect(try harness.redis.hash(Self.key)["alerts"] == after, "\(before)")
            }
            #expect(try harness.redis.hash(Self.key) == ["alerts": "nonsense", "cost/total": "5"])
            try harness.redis.cli("DEL", Self.key)
            try await harness.store.forget(alert)
            try harness.redis.cli("SET", Self.key, "broken")
            try await harness.store.forget(alert)
            #expect(try harness.redis.cli("GET", Self.key) == "broken")
        }
    }
}
