import NIOCore
import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

/// A store on a real Redis.
struct PolicyStoreHarness: Sendable {
    let redis: TestRedis
    let store: PolicyStore
    let keys = PolicyKeys(namespace: "tollgate")

    static let author = Author(name: "ops", address: "127.0.0.1")
    /// Ids with special characters. The last two are one Character each, and equal as Strings.
    static let oddIDs = [
        "a}b", "{x}", "100%", "a/b c", "a+b", "a:b", #""quoted"\"#, "日本", "\u{e9}", "e\u{301}",
    ]

    /// Runs the body with a store whose link is shut down afterwards.
    static func with(
        redis: TestRedis? = nil, bounds: PolicyStore.Bounds = .init(), deadline: TimeAmount = .seconds(20),
        _ body: (PolicyStoreHarness) async throws -> Void
    ) async throws {
        let redis = try redis ?? TestRedis(arguments: ["--enable-debug-command", "yes"])
        try await withStoreLink(to: redis, deadline: deadline) { link in
            let store = PolicyStore(link: link, keySpace: KeySpace(namespace: "tollgate"), bounds: bounds)
            try await body(PolicyStoreHarness(redis: redis, store: store))
        }
    }

    @discardableResult
    func apply(_ edit: PolicyEdit, if precondition: Precondition = .absent) async throws(StoreError) -> Int64 {
        try await store.apply(edit, if: precondition, by: Self.author)
    }

    /// Expects that an edit is refused and writes nothing.
    func expectRefusal(
        _ refusal: StoreError, of edit: PolicyEdit, if precondition: Precondition,
        at place: SourceLocation = #_sourceLocation
    ) async throws {
        let before = try digest
        await #expect(throws: refusal, sourceLocation: place) { try await apply(edit, if: precondition) }
        #expect(try digest == before, sourceLocation: place)
    }

    /// The digest of all data in Redis.
    var digest: String {
        get throws { try redis.cli("DEBUG", "DIGEST") }
    }

    /// Redis's time, Unix ms.
    var now: Int64 {
        get throws {
            let words = try redis.cli("TIME").split(separator: "\n").compactMap { Int64($0) }
            return words[0] * 1_000 + words[1] / 1_000
        }
    }

    /// Creates an override that ends after a number of seconds, or has ended before.
    func override(seconds: Int64, reason: String = "deadline") throws -> Override {
        Override(
            additions: [.init(.cost, .month, amount: 50_000_000_000)],
            expiresAt: try now / 1_000 * 1_000 + seconds * 1_000,
            reason: reason)
    }
}
