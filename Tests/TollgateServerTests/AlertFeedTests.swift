import Foundation
import Testing
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateServer

/// ALERTS over plain sockets.
@Suite struct AlertFeedTests {
    @Test("after the OK a client gets alert events, on both kinds of socket and from two sidecars")
    func pushes() async throws {
        try await withServer { first in
            let second = try await ServerHarness(redis: first.redis)
            try await first.publish(.opened(ServerHarness.alert(1)))
            // Until then the sidecars would push this event too.
            let place = try first.redis.alertCursors().last
            try await eventually {
                let cursors = await [first.sidecar.report().alerts.cursor, second.sidecar.report().alerts.cursor]
                return cursors == [place, place]
            }
            let clients = [try first.client(), try first.unixClient(), try second.client()]
            for client in clients { #expect(try await client.ask("ALERTS") == ["OK"]) }
            #expect(await first.sidecar.report().counts.alertSubscribers == 2)
            let opened = try ServerHarness.alert(2, scope: #"user:Zoë "é" /"#, threshold: 100)
            try await second.publish(.opened(opened))
            try await first.publish(.resolved(id: opened.id, at: opened.openedAt + 7, reason: .refunded))
            var resolved = opened
            resolved.state = .resolved
            resolved.resolved = Alert.Mark(at: opened.openedAt + 7, by: "auto")
            resolved.reason = .refunded
            let places = try first.redis.alertCursors()
            let expected = [
                #"ALERT {"cursor":"\#(places[1])","event":"opened","alert":\#(try CanonicalJSON.text(opened))}"#,
                #"ALERT {"cursor":"\#(places[2])","event":"resolved","alert":\#(try CanonicalJSON.text(resolved))}"#,
            ]
            for client in clients {
                #expect(try await client.readLine() == expected[0])
                #expect(try await client.readLine() == expected[1])
                #expect(try await client.ask("PING") == ["PONG"])
            }
            await second.stop()
        }
    }

    @Test("over RESP2 and RESP3 a push is a bulk string of the same text", arguments: ["2", "3"])
    func resp(version: String) async throws {
        try await withServer { harness in
            let client = try harness.client()
            try await client.send(
                TollgateServerTests.resp("HELLO", version) + TollgateServerTests.resp("ECHO", "ready"))
            while let line = try await client.readLine(), line != "ready" {}
            try await client.send(TollgateServerTests.resp("ALERTS"))
            #expect(try await client.readLine() == "+OK")
            try await harness.open(0..<2)
            for place in try harness.redis.alertCursors() {
                let header = try #require(try await client.readLine())
                let text = try #require(try await client.readLine())
                #expect(header == "$\(text.utf8.count)")
                #expect(cursor(of: text) == place)
            }
            try await client.send(TollgateServerTests.resp("PING"))
            #expect(try await client.readLine() == "+PONG")
        }
    }

    @Test("after a cursor a client gets the events since, and then new ones")
    func afterCursor() async throws {
        try await withServer { harness in
            try await harness.open(0..<5)
            let places = try harness.redis.alertCursors()
            let later = try harness.client()
            #expect(try await later.ask("ALERTS after=\(places[1])") == ["OK"])
            #expect(try await later.cursors(3) == Array(places[2...]))
            let all = try harness.client()
            #expect(try await all.ask("ALERTS after=0-0") == ["OK"])
            #expect(try await all.cursors(5) == places)
            try await harness.closeAlert(0)
            let last = try #require(try harness.redis.alertCursors().last)
            #expect(try await later.cursors(1) == [last])
            #expect(try await all.cursors(1) == [last])
        }
    }

    @Test("a second ALERTS with a cursor restarts from there; without one it changes nothing")
    func again() async throws {
        try await withServer { harness in
            try await harness.open(0..<3)
            let places = try harness.redis.alertCursors()
            let client = try harness.client()
            #expect(try await client.ask("ALERTS after=\(places[0])") == ["OK"])
            #expect(try await client.cursors(2) == Array(places[1...]))
            #expect(try await client.ask("ALERTS after=0-0") == ["OK"])
            #expect(try await client.cursors(3) == places)
            #expect(try await client.ask("ALERTS", "PING") == ["OK", "PONG"])
            try await harness.open(3..<4)
            #expect(try await client.cursors(1) == [try #require(try harness.redis.alertCursors().last)])
            #expect(await harness.sidecar.report().counts.alertSubscribers == 1)
        }
    }

    @Test("if a token is set, ALERTS requires it")
    func token() async throws {
        try await withServer(adjust: { $0.token = "secret-of-the-tests" }) { harness in
            let client = try harness.client()
            #expect(
                try await client.ask("ALERTS", "AUTH secret-of-the-tests", "ALERTS")
                    == ["ERR unauthenticated AUTH with the token first", "OK", "OK"])
            try await harness.open(0..<1)
            #expect(try await client.cursors(1) == harness.redis.alertCursors())
        }
    }

    @Test("unannounced entries are found, and an unreadable entry is skipped")
    func unread() async throws {
        try await withServer { harness in
            let client = try harness.client()
            #expect(try await client.ask("ALERTS") == ["OK"])
            try harness.redis.addAlerts(3, isAnnounced: false)
            try harness.redis.addBrokenAlert()
            try harness.redis.addBrokenAlert()
            try harness.redis.addAlerts(150, isAnnounced: false)
            try harness.redis.addBrokenAlert()
            var places = try harness.redis.alertCursors()
            places.removeLast()
            places.removeSubrange(3...4)
            #expect(try await client.cursors(153) == places)
            let later = try harness.client()
            #expect(try await later.ask("ALERTS after=0-0") == ["OK"])
            #expect(try await later.cursors(153) == places)
            try await harness.open(0..<1)
            let last = try #require(try harness.redis.alertCursors().last)
            #expect(try await later.cursors(1) == [last])
            #expect(try await client.cursors(1) == [last])
        }
    }

    @Test("after Redis has lost its data all new events are pushed, also if its clock is behind")
    func beganAnew() async throws {
        try await withServer { harness in
            let future = UInt64(Date.now.timeIntervalSince1970 + 3_600) * 1_000
            let client = try harness.client()
            #expect(try await client.ask("ALERTS") == ["OK"])
            for number in 0..<3 { try harness.redis.addAlert(at: "\(future)-\(number)") }
            #expect(try await client.cursors(3).last == "\(future)-2")
            try harness.redis.cli("DEL", "tollgate:{alerts}:deliveries")
            try await harness.open(0..<2)
            let places = try harness.redis.alertCursors()
            #expect(try await client.cursors(2) == places)
            #expect(await harness.sidecar.report().alerts.cursor == places.last)
            // A client with a cursor of lost data.
            for after in ["\(future)-2", "18446744073709551615-18446744073709551615"] {
                let late = try harness.client()
                #expect(try await late.ask("ALERTS after=\(after)") == ["OK"])
                #expect(try await late.cursors(2) == places)
            }
            try await harness.open(2..<3)
            #expect(try await client.cursors(1) == [try #require(try harness.redis.alertCursors().last)])
        }
    }

    @Test("if Redis has lost only its newest entries, as after a crash, earlier ones are not pushed again")
    func lostItsEnd() async throws {
        try await withServer { harness in
            let future = UInt64(Date.now.timeIntervalSince1970 + 3_600) * 1_000
            let key = "tollgate:{alerts}:deliveries"
            for number in 0..<2 { try harness.redis.addAlert(at: "\(future)-\(number)") }
            let client = try harness.client()
            #expect(try await client.ask("ALERTS after=0-0") == ["OK"])
            #expect(try await client.cursors(2).last == "\(future)-1")
            try harness.redis.cli("COPY", key, "before")
            for number in [2, 9] { try harness.redis.addAlert(at: "\(future)-\(number)") }
            #expect(try await client.cursors(2).last == "\(future)-9")
            try harness.redis.cli("RENAME", "before", key)
            let late = try harness.client()
            #expect(try await late.ask("ALERTS after=\(future)-9") == ["OK"])
            try await eventually { await harness.sidecar.report().alerts.cursor == "\(future)-1" }
            try harness.redis.addAlert(at: "\(future)-5")
            #expect(try await client.cursors(1) == ["\(future)-5"])
            #expect(try await late.cursors(1) == ["\(future)-5"])
            for client in [client, late] { #expect(try await client.ask("PING") == ["PONG"]) }
        }
    }

    @Test("a subscription survives an outage of Redis, and can begin during one")
    func redisAway() async throws {
        try await withServer { harness in
            let before = try harness.client()
            #expect(try await before.ask("ALERTS") == ["OK"])
            harness.redis.stop()
            try await eventually { await !harness.sidecar.report().alerts.isSubscribed }
            let during = try harness.client()
            #expect(try await during.ask("ALERTS after=0-0") == ["OK"])
            try harness.redis.start()
            try await harness.waitForRedis()
            try await eventually { (try? await harness.open(0..<1)) != nil }
            try await harness.open(1..<3)
            let places = try harness.redis.alertCursors()
            #expect(try await before.cursors(3) == places)
            #expect(try await during.cursors(3) == places)
        }
    }
}
