import Logging
import ProviderFake
import TollgateAccounts
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateProviders
import TollgateStores
import TollgateTestSupport

/// Fake providers, a real Redis, and what reads accounts from the former into the latter.
struct AccountHarness: Sendable {
    let redis: TestRedis
    let store: AccountStore
    let alerts: AlertStore
    let history: HistoryStore
    let folder: TemporaryFolder
    let log = CapturedLog()
    /// The virtual time at the beginning, Unix ms: 2026-11-15T12:00:00Z, so that no test crosses midnight.
    let begun: Int64 = 1_794_744_000_000
    /// The time of Redis's clock at the beginning, Unix ms.
    private let realBegun: Int64

    /// Runs a body with a Redis and a file `key` that contains the credential of the fake.
    static func with(_ body: (AccountHarness) async throws -> Void) async throws {
        let redis = try await TestRedis.started()
        let folder = try TemporaryFolder()
        try folder.write(FakeProvider.credential + "\n", to: "key")
        let words = try redis.cli("TIME").split(separator: "\n").compactMap { Int64($0) }
        try await withStoreLink(to: redis) { link in
            let keySpace = KeySpace(namespace: "tollgate")
            try await body(
                AccountHarness(
                    redis: redis, store: AccountStore(link: link, keySpace: keySpace),
                    alerts: AlertStore(link: link, keySpace: keySpace, logger: CapturedLog().logger),
                    history: HistoryStore(link: link, keySpace: keySpace), folder: folder,
                    realBegun: words[0] * 1_000 + words[1] / 1_000))
        }
    }

    /// The settings of an account at a fake, for a policy file.
    func account(_ id: String, at fake: FakeProvider, _ provider: ProviderKind = .anthropic, _ more: String = "")
        -> String
    {
        """
          \(id):
            provider: \(provider.rawValue)
            base_url: \(fake.url)
            \(more.contains("credential_") ? more : "credential_file: \(folder.path)/key\n    \(more)")

        """
    }

    /// Runs a body while a sidecar reads accounts.
    ///
    /// - Parameters:
    ///   - speed: The seconds of virtual time in one second.
    ///   - settings: Other settings of the policy.
    func reading(
        _ accounts: String..., by sidecar: String = "test:1", speed: Int64 = 1,
        bounds: ProviderBounds = ProviderBounds(), policy settings: String = "",
        _ body: () async throws -> Void
    ) async throws {
        let policy = try Policy(yaml: "accounts:\n" + accounts.joined() + settings, file: "t.yaml")
        let (begun, realBegun) = (begun, realBegun)
        var timing = AccountSync.Timing()
        timing.tick = .milliseconds(50)
        timing.time = { begun + ($0 - realBegun) * speed }
        let drift = DriftAlerts(alerts: alerts, history: history, policy: { policy }, logger: log.logger)
        let sync = AccountSync(
            store: store, policy: { policy }, sidecar: sidecar, version: "1.2.3", drift: drift, bounds: bounds,
            timing: timing, logger: log.logger)
        try await whileRunning({ await sync.run() }, body)
    }

    /// What is stored of an account.
    func stored(_ id: String) async throws -> StoredAccount { try await store.accounts([id])[0].get() }

    /// Waits until sidecars have looked so many times at what is due.
    func looks(_ count: Int) async throws {
        let first = try looks()
        try await eventually { try looks() >= first + count }
    }

    /// The number of times that sidecars have requested the lease, which they do at each look.
    private func looks() throws -> Int {
        try redis.cli("INFO", "commandstats").split(whereSeparator: \.isNewline).reduce(0) { sum, line in
            guard line.hasPrefix("cmdstat_fcall:calls=") || line.hasPrefix("cmdstat_evalsha:calls=") else { return sum }
            return sum + (line.split(separator: "=")[1].split(separator: ",").first.flatMap { Int($0) } ?? 0)
        }
    }

    /// Everything that Redis contains, as text.
    func everything() throws -> String {
        try redis.cli("KEYS", "*").split(separator: "\n").map { key in
            let type = try redis.cli("TYPE", String(key))
            let value = type == "hash" ? try redis.cli("HGETALL", String(key)) : try redis.cli("GET", String(key))
            return "\(key)\n\(value)"
        }.joined(separator: "\n")
    }

    /// The first second of the day of a time, Unix seconds.
    var today: Int64 { begun / 86_400_000 * 86_400 }
}

extension FakeBooks {
    /// Books with usage and costs of each of the last days: 1 000 uncached, 200 read, 300 written and 50 output tokens in
    /// two requests, and 0.123456 dollars in the unit of the provider.
    static func daily(_ provider: ProviderKind, until now: Int64, days: Int64) -> FakeBooks {
        var books = FakeBooks(now: now)
        let today = now / 86_400 * 86_400
        for day in (0..<days).map({ today - $0 * 86_400 }) {
            books.usage.append(
                Usage(
                    hour: day, uncached: 1_000, cacheRead: 200, cacheWrite5m: 100, cacheWrite1h: 200, output: 50,
                    requests: 2))
            books.costs.append(Cost(day: day, amount: provider == .anthropic ? "12.345600" : "0.123456"))
        }
        return books
    }
}
