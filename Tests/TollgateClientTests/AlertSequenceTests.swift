import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import TollgateClient

/// `client.alerts()` with a scripted server.
@Suite struct AlertSequenceTests {
    /// The pushed line of an alert with a number.
    static func push(_ number: Int, event: String = "opened", source: String = "tier:premium") -> String {
        #"ALERT {"cursor":"5-\#(number)","event":"\#(event)","alert":{"acknowledged_at":null,"acknowledged_by":null,"#
            + #""ends_at":"2026-11-21T05:00:00Z","id":"alert-\#(number)","limit":"user:u\#(number)/cost/day","max":"20","#
            + #""meter":"cost","mode":"enforce","opened_at":"2026-11-20T18:20:01.123Z","percent":86.2,"period":"day","#
            + #""period_id":"2026-11-20","reason":null,"resolved_at":null,"resolved_by":null,"scope":"user:u\#(number)","#
            + #""severity":"warning","source":"\#(source)","state":"open","threshold":80,"type":"approaching_limit","#
            + #""used":"17.24"}}"#
    }

    static let info = #"{"alerts":{"cursor":"5-0","is_subscribed":true},"version":"0.1.0"}"#

    /// Replies to STATUS and PING, and to ALERTS as the test defines.
    static func script(
        _ alerts: @escaping @Sendable (_ connection: Int, _ line: String) -> ScriptedServer.Answer
    ) -> ScriptedServer.Script {
        { connection, line in
            switch line {
            case "STATUS": .lines([info])
            case "PING": .lines(["PONG"])
            case "AUTH secret": .lines(["OK"])
            default: alerts(connection, line)
            }
        }
    }

    @Test("starts at the current position, and decodes each message", arguments: [nil, "secret"])
    func messages(token: String?) async throws {
        try await withServer(
            token: token, Self.script { _, _ in .lines(["OK", Self.push(1), Self.push(2, event: "resolved")]) }
        ) { server, client in
            var alerts = client.alerts().makeAsyncIterator()
            let opened = try #require(try await alerts.next())
            #expect(opened.cursor == "5-1")
            #expect(opened.event == .opened)
            #expect(opened.alert.id == "alert-1")
            #expect(opened.alert.scope.description == "user:u1")
            #expect(opened.alert.used == 17_240_000_000)
            #expect(opened.alert.kind == .approachingLimit)
            #expect(try await alerts.next()?.event == .resolved)
            #expect(
                server.lines.withLock { $0 } == (token.map { ["AUTH \($0)"] } ?? []) + ["STATUS", "ALERTS after=5-0"])
        }
    }

    @Test("asks again until the sidecar knows its position in the stream")
    func noCursor() async throws {
        try await withServer { connection, line in
            let alerts = connection < 3 ? "{}" : #"{"cursor":"4-9"}"#
            return .lines(line == "STATUS" ? [#"{"alerts":\#(alerts)}"#] : ["OK", Self.push(1)])
        } _: { server, client in
            var alerts = client.alerts().makeAsyncIterator()
            let message = try await alerts.next()
            #expect(message?.cursor == "5-1")
            #expect(server.lines.withLock { $0 } == ["STATUS", "STATUS", "STATUS", "ALERTS after=4-9"])
        }
    }

    @Test("resumes after the last message after each disconnect, also after one that it cannot decode")
    func reconnects() async throws {
        let script = Self.script { connection, line in
            switch connection {
            case 1: .lines(["OK", Self.push(1), Self.push(2, event: "escalated"), "nonsense"])
            case 2: .close
            case 3: .lines(["ERR busy too many connections"])
            case 4: .lines(["-ERR busy too many connections"])
            case 5: .lines(["OK", "ERR busy the alerts were not read"])
            default: .lines(["OK", Self.push(3)])
            }
        }
        try await withServer(script) { server, client in
            var cursors: [String] = []
            for try await message in client.alerts(after: "4-9") {
                cursors.append(message.cursor)
                if cursors.count == 2 { break }
            }
            #expect(cursors == ["5-1", "5-3"])
            let asked = server.lines.withLock { $0.filter { $0 != "PING" } }
            #expect(asked.first == "ALERTS after=4-9")
            #expect(asked.count > 1 && asked.dropFirst().allSatisfy { $0 == "ALERTS after=5-2" })
        }
    }

    @Test("waits for a sidecar that is not running yet")
    func startsFirst() async throws {
        let address = ScriptedServer.freshAddress()
        let client = TollgateClient(address)
        let first = Task { try await client.alerts().first { _ in true } }
        try await Task.sleep(for: .milliseconds(100))
        let server = try await ScriptedServer.start(
            at: address, Self.script { _, _ in .lines(["OK", Self.push(1)]) })
        #expect(try await first.value?.cursor == "5-1")
        await client.shutdown()
        try await server.stop()
    }

    @Test(
        "throws a permanent error, and then ends",
        arguments: [
            ("ERR bad_request after: no", "bad_request"), ("ERR unauthenticated wrong token", "unauthenticated"),
            ("ERR unknown_verb ALERTS", "unknown_verb"),
        ])
    func refused(_ reply: String, _ code: String) async throws {
        try await withServer(
            token: code == "unauthenticated" ? "wrong" : nil, Self.script { _, _ in .lines([reply]) }
        ) { server, client in
            var alerts = client.alerts(after: "5-0").makeAsyncIterator()
            let error = await #expect(throws: TollgateClientError.self) { try await alerts.next() }
            guard case .refused(code, _) = error else { throw error ?? .closed }
            #expect(try await alerts.next() == nil)
            #expect(server.connections.load(ordering: .relaxed) == 1)
        }
    }

    @Test(
        "an invalid cursor is rejected before it is sent", arguments: ["", "yesterday", "1-1\nPING", "1-1 user=a"])
    func badCursor(_ cursor: String) async throws {
        try await withServer(Self.script { _, _ in .lines(["OK"]) }) { server, client in
            var alerts = client.alerts(after: cursor).makeAsyncIterator()
            let error = await #expect(throws: TollgateClientError.self) { try await alerts.next() }
            guard case .refused("bad_request", let sentence) = error else { throw error ?? .closed }
            #expect(sentence.hasPrefix("after: "))
            #expect(server.lines.withLock { $0 } == [])
        }
    }

    @Test("ends and closes its connection with its task, client or iterator")
    func ends() async throws {
        try await withServer(Self.script { _, _ in .lines(["OK", Self.push(1)]) }) { server, client in
            let counts = (0..<2).map { _ in
                Task {
                    var count = 0
                    for try await _ in client.alerts() { count += 1 }
                    return count
                }
            }
            let broken = Task {
                for try await _ in client.alerts() { break }
            }
            try await broken.value
            try await retrying {
                guard server.connections.load(ordering: .relaxed) == 3, server.openConnections == 2 else {
                    throw TollgateClientError.timeout
                }
            }
            counts[0].cancel()
            #expect(try await counts[0].value <= 1)
            await client.shutdown()
            #expect(try await counts[1].value <= 1)
            try await retrying {
                guard server.openConnections == 0 else { throw TollgateClientError.timeout }
            }
            #expect(try await client.alerts().first { _ in true } == nil)
        }
    }

    @Test("a task that is cancelled before it begins gets nothing")
    func cancelledBefore() async throws {
        try await withServer(Self.script { _, _ in .lines(["OK", Self.push(1)]) }) { _, client in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await client.alerts().first { _ in true }
            }
            let message = try await task.value
            #expect(message == nil)
        }
    }

    @Test("a silent connection is closed")
    func silence() async throws {
        let server = try await ScriptedServer.start { connection, line in
            switch line {
            case "STATUS": .lines([Self.info])
            case "PING": connection == 1 ? .silence : .lines(["PONG"])
            default: connection == 1 ? .lines(["OK"]) : .lines(["OK", Self.push(1)])
            }
        }
        let client = TollgateClient(
            server.address, token: nil, deadline: .seconds(20), onUnavailable: .throwError,
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, pingInterval: .milliseconds(50))
        #expect(try await client.alerts().first { _ in true }?.cursor == "5-1")
        #expect(server.lines.withLock { $0.prefix(3) } == ["STATUS", "ALERTS after=5-0", "PING"])
        await client.shutdown()
        try await server.stop()
    }

    @Test("a busy consumer causes back-pressure, and receives every message")
    func backPressure() async throws {
        // Few large messages, so that a client that keeps reading would soon have read all 20 MB.
        let (count, source) = (400, String(repeating: "s", count: 50_000))
        let script = Self.script { _, _ in .lines(["OK"] + (1...count).map { Self.push($0, source: source) }) }
        try await withServer(script) { server, client in
            var alerts = client.alerts().makeAsyncIterator()
            #expect(try await alerts.next()?.cursor == "5-1")
            try await Task.sleep(for: .milliseconds(1_500))
            #expect(!server.isWritable)
            for number in 2...count {
                let message = try await alerts.next()
                guard message?.cursor == "5-\(number)" else {
                    Issue.record("\(message?.cursor ?? "nothing") in the place of \(number)")
                    break
                }
            }
            #expect(server.isWritable)
        }
    }
}
