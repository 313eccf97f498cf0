import NIOCore
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

/// A store of alerts on a real Redis.
struct AlertStoreHarness: Sendable {
    let redis: TestRedis
    let store: AlertStore
    let log: CapturedLog

    static let author = Author(name: "ops", address: "127.0.0.1")
    /// 2026-11-20T18:20:01.123Z
    static let start: Int64 = 1_795_198_801_123
    /// 2026-11-21T05:00:00Z
    static let dayEnd: Int64 = 1_795_237_200_000
    static let day: Int64 = 86_400_000

    var keys: AlertKeys { store.keys }

    /// Runs the body with a store whose link is shut down afterwards.
    static func with(
        redis: TestRedis? = nil, deadline: TimeAmount = .seconds(20), _ body: (AlertStoreHarness) async throws -> Void
    ) async throws {
        let redis = try redis ?? TestRedis(arguments: ["--enable-debug-command", "yes"])
        try await withStoreLink(to: redis, deadline: deadline) { link in
            let log = CapturedLog()
            let store = AlertStore(link: link, keySpace: KeySpace(namespace: "tollgate"), logger: log.logger)
            try await body(AlertStoreHarness(redis: redis, store: store, log: log))
        }
    }

    /// An open alert; `at` is ms after `start`.
    static func alert(
        _ scope: String = "user:alice", _ meter: Meter = .cost, _ period: Period = .day, threshold: Int = 80,
        at offset: Int64 = 0
    ) throws -> Alert {
        Alert(
            scope: try Scope(parsing: scope), meter: meter, period: period, threshold: threshold, max: 20_000_000_000,
            used: 17_240_000_000, source: "tier:premium", periodID: period == .day ? "2026-11-20" : nil,
            endsAt: period == .total ? nil : dayEnd, openedAt: start + offset)
    }

    /// Opens an alert and returns it.
    @discardableResult
    func open(_ alert: Alert) async throws -> Alert {
        try await store.publish(.opened(alert))
        return alert
    }

    /// Expects that the body throws an error and writes nothing.
    func expectRefusal(_ refusal: StoreError, _ body: () async throws -> Void) async throws {
        let before = try digest
        await #expect(throws: refusal) { try await body() }
        #expect(try digest == before)
    }

    /// The digest of all data in Redis.
    var digest: String {
        get throws { try redis.cli("DEBUG", "DIGEST") }
    }

    /// Returns the readable alerts that are due at a time.
    func ending(before time: Int64, atMost count: Int) async throws -> [Alert] {
        try await store.reviews.due(before: time, atMost: count).items.map { try $0.alert.get() }
    }

    /// Returns the members of a sorted set, by score.
    func members(_ key: String) throws -> [String] {
        try redis.cli("ZRANGE", key, "0", "-1").split(separator: "\n").map(String.init)
    }
}
