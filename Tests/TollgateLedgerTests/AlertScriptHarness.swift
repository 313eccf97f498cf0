import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

/// The alert changes that the batch function returns for `user:a`.
struct AlertScriptHarness {
    static let key = "tollgate:user:a"
    static let start: Int64 = 4_101_840_000_000  // 2099-12-25T00:00:00Z

    let ledger: LedgerHarness

    static func with(_ policy: Policy, _ body: (AlertScriptHarness) async throws -> Void) async throws {
        let ledger = try await LedgerHarness(policy: policy)
        try await body(AlertScriptHarness(ledger: ledger))
        try await ledger.stop()
    }

    func stop() async throws { try await ledger.stop() }

    func record(_ tokens: Int64, at time: Int64 = start) async throws {
        _ = try await ledger.apply(.record("user:a", amounts: Amounts(tokens: tokens)), at: time)
    }

    func refund(_ tokens: Int64, at time: Int64 = start) async throws {
        _ = try await ledger.apply(.refund("user:a", amounts: Amounts(tokens: tokens)), at: time)
    }

    func check(at time: Int64) async throws { _ = try await ledger.apply(.check("user:a"), at: time) }

    /// Returns the outbox items since the last call.
    func items() async throws -> [String] {
        try await ledger.takeNotices().flatMap { notice -> [String] in
            if case .outbox(let outbox) = notice { outbox.items } else { [] }
        }
    }

    /// Returns the changes since the last call.
    func changes() async throws -> [AlertChange] { try await read(items()) }

    /// Returns the changes since the last call, and removes them from the outbox, as after publishing.
    func publishedChanges() async throws -> [AlertChange] {
        let items = try await items()
        for item in items { try removePublished(item) }
        return try read(items)
    }

    private func read(_ items: [String]) throws -> [AlertChange] {
        let outbox = AlertOutbox(scope: try Scope(parsing: "user:a"), items: items)
        return items.compactMap { outbox.change(of: $0, in: .nano) }
    }

    @discardableResult
    func removePublished(_ item: String) throws -> String {
        try ledger.redis.cli("EVAL", AlertStore.removePublishedFunction.script, "1", Self.key, item)
    }

    /// The scope's outbox; nil when it is empty.
    var outbox: String? { get throws { try ledger.redis.hash(Self.key)["outbox"] } }
}

extension [AlertChange] {
    var opened: [Alert] { compactMap { if case .opened(let alert) = $0 { alert } else { nil } } }
    var resolved: [String] { compactMap { if case .resolved(let id, _, _) = $0 { id } else { nil } } }
    var reasons: [Alert.Reason] { compactMap { if case .resolved(_, _, let reason) = $0 { reason } else { nil } } }
}
