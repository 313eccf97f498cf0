import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct AlertStorePeopleTests {
    private typealias Harness = AlertStoreHarness

    @Test("acknowledging and resolving an alert are events that name the author")
    func inTurn() async throws {
        try await Harness.with { harness in
            let alert = try await harness.open(Harness.alert())
            let zoe = Author(name: "Zoë \"ops\"", address: "10.0.0.1")
            let seen = try await harness.store.acknowledge(alert.id, by: zoe, at: Harness.start + 10)
            var expected = alert
            expected.state = .acknowledged
            expected.acknowledged = .init(at: Harness.start + 10, by: zoe.name)
            #expect(seen == expected)
            let keys = harness.keys
            #expect(try harness.members(keys.inState(.open)).isEmpty)
            #expect(try harness.members(keys.inState(.acknowledged)) == [alert.id])
            #expect(try harness.members(keys.ending) == [alert.id])

            let done = try await harness.store.resolve(alert.id, by: Harness.author, at: Harness.start + 20)
            expected.state = .resolved
            expected.resolved = .init(at: Harness.start + 20, by: "ops")
            expected.reason = .byHand
            #expect(done == expected)
            #expect(try await harness.store.alert(alert.id) == expected)
            for index in [keys.inState(.open), keys.inState(.acknowledged), keys.ending] {
                #expect(try harness.members(index).isEmpty)
            }
            let entries = try await harness.store.stream.entries(after: "0", atMost: 10)
            #expect(entries.map(\.event) == [.opened, .acknowledged, .resolved])
            #expect(entries.map(\.alert) == [alert, seen, done])
        }
    }

    @Test("repeating a change is refused with the name of its author")
    func settled() async throws {
        try await Harness.with { harness in
            let store = harness.store
            let alert = try await harness.open(Harness.alert())
            let other = Author(name: "other", address: "::1")
            _ = try await store.acknowledge(alert.id, by: Harness.author, at: 1)
            try await harness.expectRefusal(.alreadyDone("\(alert.id): acknowledged by ops already")) {
                _ = try await store.acknowledge(alert.id, by: other, at: 2)
            }
            _ = try await store.resolve(alert.id, by: other, at: 3)
            let resolved = StoreError.alreadyDone("\(alert.id): resolved by other already (by_hand)")
            try await harness.expectRefusal(resolved) { _ = try await store.resolve(alert.id, by: other, at: 4) }
            try await harness.expectRefusal(resolved) { _ = try await store.acknowledge(alert.id, by: other, at: 4) }

            let automatic = try await harness.open(Harness.alert("user:bob"))
            try await store.publish(.resolved(id: automatic.id, at: 5, reason: .periodEnded))
            try await harness.expectRefusal(.alreadyDone("\(automatic.id): resolved by auto already (period_ended)")) {
                _ = try await store.resolve(automatic.id, by: other, at: 6)
            }
            try await harness.expectRefusal(.missing) { _ = try await store.resolve("nothing", by: other, at: 6) }
            try await harness.expectRefusal(.missing) { _ = try await store.acknowledge("nothing", by: other, at: 6) }
        }
    }

    @Test("Tollgate resolves an acknowledged alert, and leaves one alone that an administrator has resolved")
    func publishedAfter() async throws {
        try await Harness.with { harness in
            let alert = try await harness.open(Harness.alert())
            let resolved = try await harness.store.resolve(alert.id, by: Harness.author, at: Harness.start + 1)
            let before = try harness.digest
            try await harness.open(alert)
            try await harness.store.publish(.resolved(id: alert.id, at: Harness.start + 2, reason: .periodEnded))
            #expect(try harness.digest == before)
            #expect(try await harness.store.alert(alert.id) == resolved)

            let other = try await harness.open(Harness.alert("user:bob"))
            let seen = try await harness.store.acknowledge(other.id, by: Harness.author, at: Harness.start + 1)
            try await harness.store.publish(.resolved(id: other.id, at: Harness.start + 2, reason: .periodEnded))
            let ended = try #require(try await harness.store.alert(other.id))
            #expect(ended.acknowledged == seen.acknowledged)
            #expect(ended.resolved?.by == "auto" && ended.reason == .periodEnded)
        }
    }

    @Test("concurrent changes are serialized: none is lost or made twice")
    func atOnce() async throws {
        try await Harness.with { one in
            try await Harness.with(redis: one.redis) { other in
                for round in 0..<30 {
                    let alert = try await one.open(Harness.alert("user:u\(round)", at: Int64(round)))
                    let winners = await withTaskGroup(of: String?.self) { group in
                        for (place, harness) in [one, other, one, other].enumerated() {
                            let author = Author(name: "p\(place)", address: "")
                            group.addTask {
                                let done = try? await harness.store.acknowledge(alert.id, by: author, at: 1)
                                return done.map { _ in "seen p\(place)" }
                            }
                            group.addTask {
                                let done = try? await harness.store.resolve(alert.id, by: author, at: 2)
                                return done.map { _ in "done p\(place)" }
                            }
                            group.addTask {
                                try? await harness.store.publish(.resolved(id: alert.id, at: 3, reason: .refunded))
                                return nil
                            }
                        }
                        return await group.reduce(into: [String]()) { all, winner in all += winner.map { [$0] } ?? [] }
                    }
                    let stored = try #require(try await one.store.alert(alert.id))
                    let resolver = try #require(stored.resolved?.by)
                    let expected =
                        (stored.acknowledged.map { ["seen \($0.by)"] } ?? [])
                        + (resolver == "auto" ? [] : ["done \(resolver)"])
                    #expect(Set(winners) == Set(expected) && winners.count == expected.count)
                    let events = try await one.store.stream.entries(after: "0", atMost: 1_000)
                        .filter { $0.alert.id == alert.id }.map(\.event)
                    #expect(events == (stored.acknowledged == nil ? [.opened, .resolved] : Alert.Event.allCases))
                }
            }
        }
    }

    @Test("due alerts are returned, earliest first, until they are postponed or resolved")
    func ending() async throws {
        try await Harness.with { harness in
            let store = harness.store
            var alerts: [Alert] = []
            for number in 0..<4 {
                var alert = try Harness.alert("user:u\(number)", at: Int64(number))
                alert.endsAt = Harness.dayEnd + Int64(number)
                alerts.append(try await harness.open(alert))
            }
            try await harness.open(Harness.alert("user:ever", .cost, .total))
            #expect(try await harness.ending(before: Harness.dayEnd - 1, atMost: 10).isEmpty)
            #expect(try await harness.ending(before: Harness.dayEnd + 1, atMost: 10) == Array(alerts[...1]))
            #expect(try await harness.ending(before: .max, atMost: 3) == Array(alerts[...2]))
            try await store.reviews.postpone(alerts[0], to: Harness.dayEnd + 50)
            let seen = try await store.acknowledge(alerts[0].id, by: Harness.author, at: 1)
            try await store.publish(.resolved(id: alerts[1].id, at: Harness.dayEnd, reason: .periodEnded))
            for id in [alerts[1].id, "nothing"] { try await store.reviews.reschedule(id, to: 1) }
            try await store.reviews.postpone(alerts[1], to: 1)
            #expect(try await harness.ending(before: Harness.dayEnd + 49, atMost: 10) == Array(alerts[2...]))
            #expect(try await harness.ending(before: Harness.dayEnd + 50, atMost: 10) == alerts[2...] + [seen])
        }
    }
}
