import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing
import TollgateRedis
import TollgateTestSupport

@Suite("A subscription to a channel")
struct RedisSubscriptionTests {
    /// What a subscription has told, in order.
    private final class Events: Sendable {
        private let events = Mutex<[String]>([])

        var all: [String] { events.withLock(\.self) }
        func append(_ event: String) { events.withLock { $0.append(event) } }
        func count(_ event: String) -> Int { all.count { $0 == event } }
    }

    /// A subscription to the channel `ne{w}s`, shut down when the body is done.
    private func with(_ redis: TestRedis, _ body: (Events) async throws -> Void) async throws {
        let events = Events()
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        let subscription = try await eventLoop.submit {
            let subscription = RedisSubscription(
                address: redis.address, channel: "ne{w}s", eventLoop: eventLoop,
                logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }, pingInterval: .milliseconds(300))
            subscription.onSubscribed = { events.append("subscribed") }
            subscription.onLost = { events.append("lost") }
            subscription.onMessage = { events.append($0) }
            subscription.start()
            return NIOLoopBound(subscription, eventLoop: eventLoop)
        }.get()
        let result: Result<Void, any Error>
        do { result = .success(try await body(events)) } catch { result = .failure(error) }
        let told = try await eventLoop.flatSubmit {
            let told = events.all
            return subscription.value.shutdown().map { told }
        }.get()
        #expect(events.all == told, "a shutdown tells nothing")
        try result.get()
    }

    @Test("messages come in their order, and only those of the channel")
    func messages() async throws {
        let redis = try TestRedis(password: "s3cret")
        try await with(redis) { events in
            try await eventually { events.all == ["subscribed"] }
            try redis.cli("PUBLISH", "other", "no")
            for text in ["1 shared", "", "2 scope user:a}b é"] { try redis.cli("PUBLISH", "ne{w}s", text) }
            try await eventually { events.all.count == 4 }
            #expect(events.all == ["subscribed", "1 shared", "", "2 scope user:a}b é"])
        }
    }

    @Test("a subscription that is cut comes back, every time")
    func cut() async throws {
        let redis = try TestRedis()
        try await with(redis) { events in
            for round in 1...3 {
                try await eventually { events.count("subscribed") == round }
                try redis.cli("PUBLISH", "ne{w}s", "round \(round)")
                try await eventually { events.all.last == "round \(round)" }
                #expect(try redis.cli("CLIENT", "KILL", "TYPE", "pubsub") == "1")
            }
            try await eventually { events.count("subscribed") == 4 }
            #expect(events.count("lost") == 3)
        }
    }

    @Test("a Redis that is away when it starts is waited for")
    func startsWithoutRedis() async throws {
        let redis = try TestRedis()
        redis.stop()
        try await with(redis) { events in
            try await Task.sleep(for: .milliseconds(200))
            #expect(events.all.isEmpty)
            try redis.start()
            try await eventually { events.all == ["subscribed"] }
        }
    }

    @Test("a Redis that says nothing more is noticed, and heard again when it is back")
    func silent() async throws {
        let redis = try TestRedis()
        try await with(redis) { events in
            try await eventually { events.all == ["subscribed"] }
            redis.freeze(true)
            // At most two seconds to the next question, and one for the answer.
            try await eventually(within: .seconds(8)) { events.all == ["subscribed", "lost"] }
            redis.freeze(false)
            try await eventually { events.count("subscribed") == 2 }
            try redis.cli("PUBLISH", "ne{w}s", "back")
            try await eventually { events.all.last == "back" }
        }
    }

    @Test("messages around a question and its answer are not taken for the answer, and no connection is lost over them")
    func messagesAroundPings() async throws {
        let redis = try TestRedis()
        try await with(redis) { events in
            try await eventually { events.all == ["subscribed"] }
            try redis.cli("CONFIG", "RESETSTAT")
            // Until several questions have been asked, with messages all the time.
            let flood = """
                for i = 1, 200 do redis.call('PUBLISH', 'ne{w}s', 'm') end
                """
            var sent = 0
            try await eventually {
                try redis.cli("EVAL", flood, "0")
                sent += 200
                return try pings(of: redis) >= 3
            }
            try await eventually { events.count("m") == sent }
            #expect(events.all.count == sent + 1)
        }
    }

    private func pings(of redis: TestRedis) throws -> Int {
        let calls = try redis.cli("INFO", "commandstats").split(separator: "cmdstat_ping:calls=").dropFirst().first
        return Int(calls?.prefix { $0 != "," } ?? "") ?? 0
    }

    @Test("who may not subscribe tries again, and does not stop trying")
    func refused() async throws {
        let redis = try TestRedis()
        try redis.cli("ACL", "SETUSER", "default", "resetchannels")
        try await with(redis) { events in
            try await Task.sleep(for: .milliseconds(300))
            #expect(events.all.isEmpty)
            try redis.cli("ACL", "SETUSER", "default", "allchannels")
            try await eventually { events.all == ["subscribed"] }
        }
    }
}
