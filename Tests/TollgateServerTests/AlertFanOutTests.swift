import Foundation
import NIOCore
import Testing
import TollgateCore
import TollgateLedger
import TollgateStores
import TollgateTestSupport
import TollgateWire

@testable import TollgateServer

/// Alert events for many subscribers.
@Suite struct AlertFanOutTests {
    private func listeners(_ count: Int, _ harness: ServerHarness) async throws -> [SocketClient] {
        var clients: [SocketClient] = []
        for number in 0..<count {
            let client = try number % 2 == 0 ? harness.client() : harness.unixClient()
            #expect(try await client.ask("ALERTS") == ["OK"])
            clients.append(client)
        }
        return clients
    }

    @Test(
        "the limit of subscribers holds over all workers; the next client gets an error, and can subscribe when a slot is free"
    )
    func places() async throws {
        try await withServer(adjust: { $0.maxAlertSubscribers = 3 }) { harness in
            var clients = try await listeners(3, harness)
            let busy = "ERR busy ALERTS: the limit of 3 subscribers is reached"
            let late = try harness.client()
            #expect(try await late.ask("ALERTS", "ALERTS after=0-0", "PING") == [busy, busy, "PONG"])
            // A subscriber may subscribe again.
            #expect(try await clients[0].ask("ALERTS after=0-0", "ALERTS") == ["OK", "OK"])
            clients.removeLast()
            try await eventually { try await late.ask("ALERTS") == ["OK"] }
            try await harness.open(0..<1)
            let places = try harness.redis.alertCursors()
            for client in clients + [late] { #expect(try await client.cursors(1) == places) }
        }
    }

    @Test("a page is written to a few clients at a time, with other work of the loop in between")
    func slices() async throws {
        try await withServer(adjust: { $0.workers = 1 }) { harness in
            let clients = try await listeners(40, harness)
            let worker = harness.sidecar.workers[0]
            let entry = AlertEntry(id: "1-1", event: .opened, alert: try ServerHarness.alert())
            let page = AlertPage(after: .start, [entry], isLast: true)
            let waiting = try await worker.eventLoop.submit {
                worker.value.alertFanOut.deliver(page)
                return worker.value.alertFanOut.waiting
            }.get()
            #expect(waiting.pages == 1 && waiting.recipients == 32)
            for client in clients { #expect(try await client.cursors(1) == ["1-1"]) }
            // The page is removed in the next slice.
            try await eventually {
                try await worker.eventLoop.submit { worker.value.alertFanOut.waiting.pages }.get() == 0
            }
        }
    }

    @Test("if the queue of pages overflows, clients read the rest from Redis: each entry once, in order")
    func dropped() async throws {
        try await withServer(adjust: { $0.workers = 1 }) { harness in
            // Clients do not get earlier entries.
            try await harness.open(0..<3)
            let before = try #require(try harness.redis.alertCursors().last)
            try await eventually { await harness.sidecar.report().alerts.cursor == before }
            let clients = try await listeners(12, harness)
            try harness.redis.addAlerts(150, isAnnounced: false)
            let places = Array(try harness.redis.alertCursors().dropFirst(3))
            var pages: [AlertPage] = []
            var position = before
            let store = harness.sidecar.stores.alerts
            while pages.count < 75 {
                let entries = try await store.stream.entries(after: position, atMost: 2)
                pages.append(AlertPage(after: try #require(.init(parsing: position.utf8)), entries, isLast: false))
                position = try #require(entries.last?.id)
            }
            let worker = harness.sidecar.workers[0]
            try await worker.eventLoop.submit { [pages] in
                for page in pages { worker.value.alertFanOut.deliver(page) }
            }.get()
            for client in clients { #expect(try await client.cursors(150) == places) }
            try await harness.open(3..<4)
            let last = try #require(try harness.redis.alertCursors().last)
            for client in clients { #expect(try await client.cursors(1) == [last]) }
        }
    }

    @Test("the text of a page is encoded once for each protocol, and sliced without a copy")
    func text() throws {
        let entries = try (1...3).map { AlertEntry(id: "\($0)-0", event: .opened, alert: try ServerHarness.alert($0)) }
        let page = AlertPage(after: .start, entries, isLast: true)
        let lines = String(buffer: page.text(from: 0, .line)).split(separator: "\n")
        #expect(lines.map { cursor(of: String($0)) } == ["1-0", "2-0", "3-0"])
        #expect(String(buffer: page.text(from: 2, .line)) == lines[2] + "\n")
        let frames = lines.map { "$\($0.utf8.count)\r\n\($0)\r\n" }
        #expect(String(buffer: page.text(from: 1, .resp)) == frames[1] + frames[2])
    }
}
