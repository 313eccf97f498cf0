import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct AlertStorePublishingTests {
    @Test("a published alert is in all its lists and in the stream of deliveries")
    func opened() async throws {
        try await AlertStoreHarness.with { harness in
            let alert = try await harness.open(AlertStoreHarness.alert(#"user:a "b"+tool:é"#))
            #expect(try await harness.store.alert(alert.id) == alert)
            #expect(try await harness.store.alert("other") == nil)
            let keys = harness.keys
            for index in [keys.all, keys.inState(.open), keys.ofScope(alert.scope.description), keys.ending] {
                #expect(try harness.members(index) == [alert.id])
            }
            for state in [Alert.State.acknowledged, .resolved] {
                #expect(try harness.members(keys.inState(state)).isEmpty)
            }
            let entries = try await harness.store.stream.entries(after: "0", atMost: 10)
            #expect(entries.map(\.event) == [.opened] && entries.map(\.alert) == [alert])
        }
    }

    @Test("publishing is idempotent, before and after the alert is resolved")
    func twice() async throws {
        try await AlertStoreHarness.with { harness in
            let alert = try await harness.open(AlertStoreHarness.alert())
            let once = try harness.digest
            try await harness.open(alert)
            #expect(try harness.digest == once)
            let end = AlertStoreHarness.start + 5_000
            try await harness.store.publish(.resolved(id: alert.id, at: end, reason: .limitRaised))
            let resolved = try harness.digest
            #expect(resolved != once)
            try await harness.store.publish(.resolved(id: alert.id, at: end, reason: .limitRaised))
            try await harness.store.publish(.resolved(id: alert.id, at: end + 1, reason: .periodEnded))
            try await harness.open(alert)
            #expect(try harness.digest == resolved)
            let stored = try #require(try await harness.store.alert(alert.id))
            #expect(stored.state == .resolved && stored.reason == .limitRaised)
            #expect(stored.resolved == Alert.Mark(at: end, by: "auto"))
            let entries = try await harness.store.stream.entries(after: "0", atMost: 10)
            #expect(entries.map(\.event) == [.opened, .resolved] && entries.map(\.alert) == [alert, stored])
        }
    }

    @Test("resolving a missing alert changes nothing")
    func unknown() async throws {
        try await AlertStoreHarness.with { harness in
            try await harness.store.publish(.resolved(id: "nothing", at: 1, reason: .reset))
            #expect(try harness.redis.cli("DBSIZE") == "0")
        }
    }

    @Test("a resolved alert is in no list of active alerts")
    func lists() async throws {
        try await AlertStoreHarness.with { harness in
            let alert = try await harness.open(AlertStoreHarness.alert())
            try await harness.store.publish(.resolved(id: alert.id, at: alert.openedAt + 1, reason: .refunded))
            let keys = harness.keys
            for index in [keys.inState(.open), keys.inState(.acknowledged), keys.ending] {
                #expect(try harness.members(index).isEmpty)
            }
            for index in [keys.inState(.resolved), keys.all, keys.ofScope("user:alice")] {
                #expect(try harness.members(index) == [alert.id])
            }
        }
    }

    @Test("of sidecars that publish the same change concurrently, one opens and one resolves the alert")
    func atOnce() async throws {
        try await AlertStoreHarness.with { one in
            try await AlertStoreHarness.with(redis: one.redis) { other in
                let alerts = try (0..<20).map { try AlertStoreHarness.alert("user:u\($0)", at: Int64($0)) }
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for alert in alerts {
                        for harness in [one, other, one, other] {
                            group.addTask {
                                try await harness.store.publish(.opened(alert))
                                try await harness.store.publish(
                                    .resolved(id: alert.id, at: alert.openedAt + 1, reason: .reset))
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                let entries = try await one.store.stream.entries(after: "0", atMost: 1_000)
                #expect(entries.count == 2 * alerts.count)
                for alert in alerts {
                    #expect(entries.filter { $0.alert.id == alert.id }.map(\.event) == [.opened, .resolved])
                }
            }
        }
    }

    @Test("entries are read after any id, oldest first")
    func entries() async throws {
        try await AlertStoreHarness.with { harness in
            let alerts = try (0..<5).map { try AlertStoreHarness.alert("user:u\($0)", at: Int64($0)) }
            for alert in alerts { try await harness.open(alert) }
            let all = try await harness.store.stream.entries(after: "0-0", atMost: 100)
            #expect(all.map(\.alert) == alerts)
            #expect(try await harness.store.stream.entries(after: all[1].id, atMost: 2) == Array(all[2...3]))
            #expect(try await harness.store.stream.entries(after: all[4].id, atMost: 2).isEmpty)
            for id in ["", "x", "1", "+1-0", "1-0-0", "$", "18446744073709551615-18446744073709551615"] {
                await #expect(throws: StoreError.badCursor) {
                    try await harness.store.stream.entries(after: id, atMost: 1)
                }
            }
            try harness.redis.cli("XADD", harness.keys.deliveries, "*", "event", "opened", "alert", "{}")
            await #expect(throws: StoreError.self) {
                try await harness.store.stream.entries(after: all[4].id, atMost: 1)
            }
        }
    }

    @Test("the id of each new entry is published on a channel; a change without effect publishes nothing")
    func news() async throws {
        try await AlertStoreHarness.with { harness in
            let listener = try SocketClient(.unix(path: harness.redis.socketPath))
            try await listener.send("SUBSCRIBE \(harness.keys.news)\r\n")
            // An array of the word, the channel, and the number of subscriptions.
            for _ in 0..<6 { _ = try await listener.readLine() }
            let alert = try await harness.open(AlertStoreHarness.alert())
            try await harness.open(alert)
            try await harness.store.publish(.resolved(id: alert.id, at: alert.openedAt, reason: .reset))
            for entry in try await harness.store.stream.entries(after: "0", atMost: 10) {
                var lines: [String] = []
                for _ in 0..<7 { lines.append(try await listener.readLine() ?? "") }
                #expect(lines.last == entry.id, "\(lines)")
            }
        }
    }

    @Test("the error names a key of another type, and nothing is written")
    func otherType() async throws {
        try await AlertStoreHarness.with { harness in
            let keys = harness.keys
            let alert = try AlertStoreHarness.alert()
            for key in [
                keys.alert(alert.id), keys.all, keys.ofScope("user:alice"), keys.inState(.open), keys.ending,
                keys.deliveries,
            ] {
                try harness.redis.cli("SET", key, "broken")
                try await harness.expectRefusal(.corrupt("\(key): wrong data type")) {
                    try await harness.open(alert)
                }
                try harness.redis.cli("DEL", key)
            }
            try await harness.open(alert)
            let resolved = keys.inState(.resolved)
            try harness.redis.cli("SET", resolved, "broken")
            try await harness.expectRefusal(.corrupt("\(resolved): wrong data type")) {
                try await harness.store.publish(.resolved(id: alert.id, at: alert.openedAt, reason: .reset))
            }
        }
    }

    @Test("the error names a malformed hash, and nothing is written")
    func brokenHash() async throws {
        try await AlertStoreHarness.with { harness in
            let alert = try await harness.open(AlertStoreHarness.alert())
            let key = harness.keys.alert(alert.id)
            for field in ["scope", "meter", "max", "opened_at", "state"] {
                let value = try harness.redis.cli("HGET", key, field)
                try harness.redis.cli("HSET", key, field, "?")
                try await harness.expectRefusal(.corrupt("\(key): malformed alert")) {
                    try await harness.store.publish(.resolved(id: alert.id, at: 1, reason: .reset))
                }
                try harness.redis.cli("HSET", key, field, value)
            }
            try harness.redis.cli("HDEL", key, "state")
            try await harness.expectRefusal(.corrupt("\(key): has no state")) { try await harness.open(alert) }
        }
    }
}
