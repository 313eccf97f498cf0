import Foundation
import NIOCore
import Testing
import TollgateCore
import TollgateLedger
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// The order of pushes and replies under load.
@Suite struct AlertOrderTests {
    @Test(
        "a client gets each entry after its cursor once and in order, at any time",
        arguments: 0..<3)
    func catchUp(seed: Int) async throws {
        try await withServer { harness in
            try harness.redis.addAlerts(120)
            let first = try harness.redis.alertCursors()
            let publishing = Task {
                for _ in 0..<25 {
                    try harness.redis.addAlerts(Int.random(in: 1...12))
                    try await Task.sleep(for: .milliseconds(2))
                }
            }
            var random = SeededGenerator(seed: UInt64(seed))
            var readers: [(cursor: String, cursors: Task<[String], any Error>)] = []
            for _ in 0..<12 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...15, using: &random)))
                let cursor = first.randomElement(using: &random) ?? "0-0"
                let client = try Bool.random(using: &random) ? harness.client() : harness.unixClient()
                #expect(try await client.ask("ALERTS after=\(cursor)") == ["OK"])
                readers.append((cursor, Task { try await client.cursors(upTo: Self.last) }))
            }
            try await publishing.value
            try await harness.publish(.opened(ServerHarness.alert(scope: Self.last)))
            let all = try harness.redis.alertCursors()
            for (cursor, cursors) in readers {
                let expected = Array(all.drop { $0 != cursor }.dropFirst())
                #expect(try await cursors.value == expected, "seed \(seed), after \(cursor)")
            }
        }
    }

    private static let last = "user:last"

    @Test("in a pipeline, pushes come after the OK of ALERTS and between replies, which stay in order")
    func pipeline() async throws {
        let policy = "defaults: { user: { requests: { total: 1000000 } } }"
        try await withServer(policy: policy) { harness in
            let client = try harness.client()
            let checks = Array(repeating: "CHECK user=a\n", count: 300).joined()
            // All replies, and the OK, wait for Redis.
            harness.redis.freeze(true)
            try await client.send(checks + "ALERTS\n" + checks + "PING\n")
            // STATUS hops to every event loop: after its reply, all earlier input has been read.
            #expect(try await harness.ask("STATUS")[0].hasPrefix("{"))
            // The client does not get events from before the OK.
            let entry = AlertEntry(id: "1-1", event: .opened, alert: try ServerHarness.alert())
            let page = AlertPage(after: .start, [entry], isLast: true)
            for worker in harness.sidecar.workers {
                try await worker.eventLoop.submit { worker.value.alertFanOut.deliver(page) }.get()
            }
            harness.redis.freeze(false)
            let publishing = Task {
                while !Task.isCancelled {
                    try harness.redis.addAlerts(3)
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            var replies: [String] = []
            var pushedAfter: [Int] = []
            while replies.last != "PONG" || pushedAfter.count < 20 {
                let line = try #require(try await client.readLine())
                guard cursor(of: line) == nil else {
                    pushedAfter.append(replies.count)
                    continue
                }
                replies.append(line)
                // More requests, while alerts are pushed.
                if replies.count == 602 || replies.count == 1_203 { try await client.send(checks + checks + "PING\n") }
                if replies.count == 1_804 { break }
            }
            publishing.cancel()
            _ = await publishing.result
            #expect(pushedAfter.allSatisfy { $0 >= 301 })
            var used = 0
            for (place, reply) in replies.enumerated() {
                switch place {
                case 300: #expect(reply == "OK")
                case 601, 1_202, 1_803: #expect(reply == "PONG")
                default:
                    used += 1
                    #expect(reply.hasPrefix("ALLOW limit=user:a/requests/total max=1000000 used=\(used) "))
                }
            }
        }
    }
}

extension SocketClient {
    /// The cursors of pushed lines, up to the first alert of a scope.
    fileprivate func cursors(upTo scope: String) async throws -> [String] {
        var cursors: [String] = []
        while true {
            let line = try await readLine() ?? "(closed)"
            guard let cursor = TollgateServerTests.cursor(of: line) else { throw TestFailure("not an alert: \(line)") }
            cursors.append(cursor)
            if line.contains(#""scope":"\#(scope)""#) { return cursors }
        }
    }
}
