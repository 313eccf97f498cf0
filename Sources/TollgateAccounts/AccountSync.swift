import AsyncHTTPClient
package import Logging
import NIOCore
import NIOPosix
package import ServiceLifecycle
package import TollgateCore
package import TollgatePolicy
package import TollgateProviders
package import TollgateStores

/// Reads the usage of accounts from their providers at intervals, by one sidecar of a namespace at a time, and stores it
/// in Redis.
///
/// Each account is read by itself: neither its failure nor its slowness delays another. Nothing of it is on the path of
/// requests. Usable from any task.
package struct AccountSync: Service {
    /// The times of the lease, and the clock.
    package struct Timing: Sendable {
        /// The pause between two looks at what is due, and between renewals of the lease.
        package var tick = Duration.seconds(1)
        /// The duration of the lease. It moves to another sidecar within this time when its holder dies.
        package var lease = Duration.seconds(6)
        /// Maps the time of Redis's clock, Unix ms, to the time by which accounts are read. Tests let it run faster.
        package var time: @Sendable (Int64) -> Int64 = { $0 }

        package init() {}
    }

    /// Two threads, as one may wait for the file of a credential.
    private static let executor = BackgroundExecutor(threads: 2)

    private let store: AccountStore
    private let policy: @Sendable () -> Policy
    private let version: String
    private let drift: DriftAlerts?
    private let bounds: ProviderBounds
    private let sidecar: String
    private let timing: Timing
    private let readings: AccountReadings
    private let onFigures: @Sendable (Scope) -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - policy: Returns the active policy.
    ///   - sidecar: The name of this sidecar, unique in the namespace.
    ///   - version: Tollgate's version, for the header User-Agent.
    ///   - drift: What compares both sides after each reading; nil for nothing.
    ///   - readings: What the states of accounts are published to.
    ///   - onFigures: Called with the scope of an account after new figures of it have been stored.
    package init(
        store: AccountStore, policy: @escaping @Sendable () -> Policy, sidecar: String, version: String,
        drift: DriftAlerts? = nil, bounds: ProviderBounds = ProviderBounds(), timing: Timing = Timing(),
        readings: AccountReadings = AccountReadings(), onFigures: @escaping @Sendable (Scope) -> Void = { _ in },
        logger: Logger
    ) {
        self.store = store
        self.policy = policy
        self.version = version
        self.drift = drift
        self.bounds = bounds
        self.sidecar = sidecar
        self.timing = timing
        self.readings = readings
        self.onFigures = onFigures
        self.logger = logger
    }

    /// Reads until graceful shutdown, and then releases the lease. Readings in progress are cancelled.
    package func run() async {
        await withTaskExecutorPreference(Self.executor) { await read() }
    }

    private func read() async {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        group.next().execute { BackgroundExecutor.lowerPriority() }
        let http = HTTPClient(
            eventLoopGroupProvider: .shared(group), configuration: ProviderClient.configuration(bounds))
        let client = ProviderClient(http: http, version: version, bounds: bounds)
        let readers = AccountReaders(
            store: store, client: client, sidecar: sidecar, drift: drift, readings: readings, onFigures: onFigures,
            logger: logger)
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                while (try? await Task.sleep(for: timing.tick)) != nil {
                    let policy = policy()
                    let accounts = policy.accounts.filter { $0.value.credential != nil }
                    guard !accounts.isEmpty else {
                        await readers.release()
                        continue
                    }
                    for reading in await due(accounts, policy, readers) {
                        group.addTask { await readers.read(reading) }
                    }
                }
                group.cancelAll()
            }
        }
        await readers.release()
        try? await http.shutdown()
        try? await group.shutdownGracefully()
    }

    /// Renews the lease. Returns the readings that are due, if this sidecar has it.
    private func due(
        _ accounts: [String: Account], _ policy: Policy, _ readers: AccountReaders
    ) async -> [AccountReaders.Reading] {
        let costUnit = policy.currency == ProviderKind.currency ? policy.moneyUnit : nil
        return await readers.due(accounts, costUnit: costUnit, lease: timing.lease) { timing.time($0) }
    }
}
