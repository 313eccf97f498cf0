import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateServer

/// Subscribers that stay for long, or do not read.
@Suite struct AlertListenerTests {
    @Test("a subscriber that does not read costs little memory, and gets everything when it reads")
    func slowReader() async throws {
        try await withServer { harness in
            let (slow, fast) = (try harness.unixClient(), try harness.client())
            for client in [slow, fast] { #expect(try await client.ask("ALERTS") == ["OK"]) }
            let count = 5_000
            for _ in 0..<5 { try harness.redis.addAlerts(count / 5) }
            let places = try harness.redis.alertCursors()
            #expect(places.count == count)
            #expect(try await fast.cursors(count) == places)
            // Without Redis the client gets only what was buffered for it.
            harness.redis.freeze(true)
            try await slow.send("PING\n")
            var got: [String] = []
            var bytes = 0
            while let line = try await slow.readLine(), line != "PONG" {
                bytes += line.utf8.count + 1
                got.append(try #require(cursor(of: line)))
            }
            #expect(bytes < 1_500_000)
            #expect(got.count > 100 && got.count < count)
            harness.redis.freeze(false)
            got += try await slow.cursors(count - got.count)
            #expect(got == places)
            try await harness.open(0..<1)
            #expect(try await slow.cursors(1) == [try #require(try harness.redis.alertCursors().last)])
        }
    }

    @Test("a subscriber is not closed as idle; one that does not read is, and can come back with its cursor")
    func idle() async throws {
        try await withServer(adjust: { $0.idleTimeout = .after(.milliseconds(1_500)) }) { harness in
            let (listening, stuck, silent) = (try harness.client(), try harness.unixClient(), try harness.client())
            #expect(try await silent.ask("PING") == ["PONG"])
            for client in [listening, stuck] { #expect(try await client.ask("ALERTS") == ["OK"]) }
            #expect(try await silent.readToEnd() == [])
            try harness.redis.addAlerts(5_000)
            let places = try harness.redis.alertCursors()
            #expect(try await listening.cursors(5_000) == places)
            try await eventually { await harness.sidecar.report().counts.alertSubscribers == 1 }
            let lines = String(decoding: try await stuck.readToEnd(), as: UTF8.self).split(separator: "\n")
            // The client may read the reason before the connection is closed.
            let got = lines.prefix { cursor(of: String($0)) != nil }.compactMap { cursor(of: String($0)) }
            #expect(got.elementsEqual(places.prefix(got.count)))
            #expect(got.count < places.count)
            let back = try harness.unixClient()
            #expect(try await back.ask("ALERTS after=\(got.last ?? "0-0")") == ["OK"])
            #expect(try await back.cursors(places.count - got.count) == Array(places[got.count...]))
            try await harness.open(0..<1)
            #expect(try await listening.cursors(1).count == 1)
        }
    }

    @Test("a subscriber that reads late gets the error")
    func busy() async throws {
        try await withServer(adjust: { $0.idleTimeout = .after(.seconds(4)) }) { harness in
            let stuck = try harness.unixClient()
            #expect(try await stuck.ask("ALERTS") == ["OK"])
            try harness.redis.addAlerts(5_000)
            // The client has the idle timeout once more to read.
            try await eventually(within: .seconds(60)) {
                await harness.sidecar.report().counts.alertSubscribers == 0
            }
            let text = String(decoding: try await stuck.readToEnd(), as: UTF8.self)
            #expect(text.hasSuffix("ERR busy alerts were not read in time; reconnect and resume with after=CURSOR\n"))
        }
    }

    @Test("a shutdown ends subscriptions between lines, and a closed client is unsubscribed")
    func ends() async throws {
        let harness = try await ServerHarness()
        let (staying, going) = (try harness.client(), Optional(try harness.client()))
        for client in [staying, going] { #expect(try await client?.ask("ALERTS after=0-0") == ["OK"]) }
        going?.finishSending()
        #expect(try await going?.readToEnd() == [])
        try await eventually { await harness.sidecar.report().counts.alertSubscribers == 1 }
        try harness.redis.addAlerts(2_000)
        async let stopped: Void = harness.stop()
        let text = String(decoding: try await staying.readToEnd(), as: UTF8.self)
        #expect(text.isEmpty || text.hasSuffix("}}\n"))
        #expect(text.split(separator: "\n").allSatisfy { cursor(of: String($0)) != nil })
        await stopped
    }
}
