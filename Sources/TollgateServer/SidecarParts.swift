import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import TollgateLedger
import TollgatePolicy
import TollgateRedis
import TollgateStores

/// The state that all parts of a sidecar share, and the creation of the parts that belong to event loops. Usable from
/// any thread.
struct SidecarParts: Sendable {
    let settings: ServerSettings
    let logger: Logger
    let clients: ClientGuard
    let refusals: RedisRefusals
    let functionDenials: FunctionDenials
    /// The log of all connections to Redis.
    let linkLog: RedisLinkLog
    let seenRevision = SeenRevision()
    /// The models without a price that requests have named.
    let unknownModels = UnknownModels()
    /// Checks that the keys in Redis have the names that this sidecar uses.
    let requirement: RedisRequirement

    init(settings: ServerSettings, logger: Logger) {
        self.settings = settings
        self.logger = logger
        clients = ClientGuard(settings: settings, logger: logger)
        refusals = RedisRefusals(logger: logger)
        functionDenials = FunctionDenials(logger: logger)
        linkLog = RedisLinkLog(logger)
        requirement = settings.keySpace.requirement(logger: logger)
    }

    /// Creates the connections of the stores, and the alert feed.
    func makeConnections(on eventLoop: any EventLoop) async throws -> (StoreConnections, AlertFeed) {
        try await eventLoop.submit {
            let connections = StoreConnections(
                eventLoop: eventLoop, settings: settings, requirement: requirement, seen: seenRevision,
                functionDenials: functionDenials, linkLog: linkLog, logger: logger)
            let feed = AlertFeed(
                eventLoop: eventLoop, settings: settings, store: connections.stores.alerts, linkLog: linkLog,
                logger: logger)
            return (connections, feed)
        }.get()
    }

    /// Creates a worker on each event loop of the group.
    func makeWorkers(
        on group: MultiThreadedEventLoopGroup, feed: AlertFeed, journal: Journal?, policy: Policy
    ) async throws -> [NIOLoopBound<Worker>] {
        var workers: [NIOLoopBound<Worker>] = []
        let unlimitedKinds = UnlimitedKindLog(logger: logger)
        for eventLoop in group.makeIterator() {
            let worker = try await eventLoop.submit {
                let link = RedisLink(
                    address: settings.redis, requirement: requirement, eventLoop: eventLoop, logger: logger)
                link.log = linkLog
                link.onFunctionsDenied = functionDenials.functionsWereDenied
                link.library = .tollgate
                let worker = Worker(
                    eventLoop: eventLoop, link: link, settings: settings, clients: clients, alertFeed: feed,
                    journal: journal, policy: policy, unlimitedKinds: unlimitedKinds, unknownModels: unknownModels,
                    logger: logger)
                return NIOLoopBound(worker, eventLoop: eventLoop)
            }.get()
            workers.append(worker)
        }
        return workers
    }
}

/// The background services of a sidecar, as one group. They start together, and stop one after the other, the last one
/// first.
///
/// The group runs in a task of its own: the shutdown or cancellation of the sidecar's task must not stop the services
/// before the workers have answered. Usable from any task.
final class BackgroundServices: Sendable {
    private let group: ServiceGroup
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ services: [any Service], logger: Logger) {
        group = ServiceGroup(services: services, logger: logger)
    }

    func start() {
        task.withLock { $0 = Task.detached { [group] in try? await group.run() } }
    }

    /// Returns when all services have stopped.
    func stop() async {
        await group.triggerGracefulShutdown()
        await task.withLock { $0 }?.value
    }
}
