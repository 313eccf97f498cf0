import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct AlertStoreRetentionTests {
    private typealias Harness = AlertStoreHarness
    private static let retention = 90 * Harness.day

    @Test("an alert and its lists are retained for 90 days after the last change")
    func expiry() async throws {
        try await Harness.with { harness in
            let alert = try await harness.open(Harness.alert())
            let keys = harness.keys
            func left(_ key: String) throws -> Int64 { Int64(try harness.redis.cli("PTTL", key)) ?? 0 }
            let open = [
                keys.alert(alert.id), keys.all, keys.ofScope("user:alice"), keys.inState(.open), keys.ending,
            ]
            for key in open {
                #expect((Self.retention - 60_000...Self.retention).contains(try left(key)), "\(key)")
                try harness.redis.cli("PEXPIRE", key, "100000")
            }
            _ = try await harness.store.acknowledge(alert.id, by: Harness.author, at: Harness.start)
            for key in [keys.alert(alert.id), keys.all, keys.inState(.acknowledged), keys.deliveries] {
                #expect(try left(key) > Self.retention - 60_000, "\(key)")
            }
        }
    }

    @Test("resolved alerts older than 90 days leave the lists; active ones remain")
    func age() async throws {
        try await Harness.with { harness in
            let old = try await harness.open(Harness.alert(threshold: 80))
            let resolved = try await harness.open(Harness.alert(threshold: 90, at: 1))
            try await harness.store.publish(.resolved(id: resolved.id, at: Harness.start + 5, reason: .reset))
            let edge = try await harness.open(Harness.alert(threshold: 95, at: 2))
            let new = try await harness.open(Harness.alert(threshold: 80, at: Self.retention + 2))
            let keys = harness.keys
            #expect(try harness.members(keys.all) == [old.id, edge.id, new.id])
            #expect(try harness.members(keys.ofScope("user:alice")) == [old.id, edge.id, new.id])
            let inList = AlertFilter(states: [.open], scope: try Scope(parsing: "user:alice"))
            #expect(try await harness.store.alerts(inList, atMost: 10).items.last == old)
            #expect(try harness.members(keys.inState(.open)) == [old.id, edge.id, new.id])
            #expect(Set(try harness.members(keys.ending)) == [old.id, edge.id, new.id])
            try await harness.store.publish(
                .resolved(id: edge.id, at: Harness.start + Self.retention + 3, reason: .reset))
            #expect(try harness.members(keys.inState(.resolved)).isEmpty)
            #expect(try await harness.store.alert(edge.id)?.state == .resolved)
        }
    }

    @Test("a list has the newest 100 000 alerts, and the review queue the earliest")
    func count() async throws {
        try await Harness.with { harness in
            let keys = harness.keys
            let fill = """
                for i = 1, 100010 do for _, key in ipairs(KEYS) do redis.call('ZADD', key, ARGV[1] - i, 'x' .. i) end end
                """
            let indexes = [keys.all, keys.inState(.open), keys.ofScope("user:alice"), keys.ending]
            try harness.redis.cli(["EVAL", fill, "\(indexes.count)"] + indexes + ["\(Harness.start)"])
            let alert = try await harness.open(Harness.alert())
            for index in indexes { #expect(try harness.redis.cli("ZCARD", index) == "100000") }
            for index in indexes.dropLast() { #expect(try harness.members(index).last == alert.id) }
            // Otherwise alerts that are due first would never be resolved.
            #expect(try harness.members(keys.ending).first == "x100010")
        }
    }

    @Test("old alerts are removed in portions after a long pause")
    func pause() async throws {
        try await Harness.with { harness in
            let fill = "for i = 1, 250 do redis.call('ZADD', KEYS[1], i, 'x' .. i) end"
            try harness.redis.cli("EVAL", fill, "1", harness.keys.all)
            for (number, left) in [151, 52, 3, 4].enumerated() {
                try await harness.open(Harness.alert(threshold: 80 + number))
                #expect(try harness.redis.cli("ZCARD", harness.keys.all) == "\(left)")
            }
        }
    }

    @Test("many old active alerts do not keep resolved ones from being removed")
    func manyHold() async throws {
        try await Harness.with { harness in
            let keys = harness.keys
            let fill = """
                for i = 1, 150 do
                    redis.call('ZADD', KEYS[1], i, 'x' .. i)
                    redis.call('ZADD', KEYS[2], ARGV[1], 'x' .. i)
                end
                for i = 151, 160 do redis.call('ZADD', KEYS[1], i, 'gone' .. i) end
                """
            try harness.redis.cli("EVAL", fill, "2", keys.all, keys.ending, "\(Harness.dayEnd)")
            var opened: Int64 = 0
            func isCleared() throws -> Bool { try !harness.members(keys.all).contains { $0.hasPrefix("gone") } }
            // The hundred that are checked of 160 start at a position that varies with the time.
            while try opened < 600 && !isCleared() {
                for _ in 0..<60 {
                    try await harness.open(Harness.alert("user:u\(opened)", at: opened))
                    opened += 1
                }
            }
            #expect(try isCleared())
            #expect(try harness.members(keys.all).count == 150 + Int(opened))
        }
    }

    @Test("postponing a review retains an alert and its lists for another 90 days")
    func postponed() async throws {
        try await Harness.with { harness in
            let alert = try await harness.open(Harness.alert("user:alice", .cost, .total))
            let keys = harness.keys
            let retained = [
                keys.alert(alert.id), keys.all, keys.ofScope("user:alice"), keys.inState(.open), keys.ending,
            ]
            for key in retained { try harness.redis.cli("PEXPIRE", key, "100000") }
            try await harness.store.reviews.postpone(alert, to: Harness.dayEnd)
            for key in retained {
                let left = Int64(try harness.redis.cli("PTTL", key)) ?? 0
                #expect((Self.retention - 60_000...Self.retention).contains(left), "\(key)")
            }
        }
    }

    @Test("the stream retains about 10 000 entries")
    func deliveries() async throws {
        try await Harness.with { harness in
            let fill = "for i = 1, 10400 do redis.call('XADD', KEYS[1], '*', 'event', 'opened', 'alert', '{}') end"
            try harness.redis.cli("EVAL", fill, "1", harness.keys.deliveries)
            let alert = try await harness.open(Harness.alert())
            let length = Int(try harness.redis.cli("XLEN", harness.keys.deliveries)) ?? 0
            #expect((10_000...10_200).contains(length))
            let last = try harness.redis.cli("XREVRANGE", harness.keys.deliveries, "+", "-", "COUNT", "1")
            #expect(last.contains(alert.id))
        }
    }
}
