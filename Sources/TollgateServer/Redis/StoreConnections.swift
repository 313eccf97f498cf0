import Logging
import NIOCore
import ServiceLifecycle
import TollgateLedger
import TollgateRedis
package import TollgateStores

/// The stores of a sidecar: its data in Redis other than the counters. Usable from any task.
package struct Stores: Sendable {
    package let policy: PolicyStore
    package let alerts: AlertStore
    package let reservations: ReservationStore
    /// The figures of accounts at providers.
    package let accounts: AccountStore
    let charges: ChargeQueue
    let libraries: FunctionLibraries
    /// The usage history. Has a link of its own, because its replies are long.
    package let history: HistoryStore
    /// The usage of many scopes, over the link of the history.
    package let usage: UsageReader

    /// - Parameters:
    ///   - link: The link for short calls.
    ///   - pages: The link for pages of history.
    init(
        _ link: StoreLink, pages: StoreLink, keySpace: KeySpace, seen: SeenRevision = SeenRevision(), logger: Logger
    ) {
        policy = PolicyStore(link: link, keySpace: keySpace, seen: seen)
        reservations = ReservationStore(link: link, keySpace: keySpace)
        charges = ChargeQueue(link: link, keySpace: keySpace)
        libraries = FunctionLibraries(link: link, namespace: keySpace.namespace)
        alerts = AlertStore(link: link, keySpace: keySpace, logger: logger)
        accounts = AccountStore(link: link, keySpace: keySpace)
        history = HistoryStore(link: pages, keySpace: keySpace)
        usage = UsageReader(link: pages, keySpace: keySpace)
    }
}

/// The connections of the stores: one for short calls, and one for pages of history, so that a long report delays only
/// other reports.
///
/// Usable from any thread. The connections belong to the event loop on which this was created.
final class StoreConnections: Service {
    /// The shortest deadline of a page of history. Pages are long, and no request waits for them.
    private static let minPageDeadline = Duration.seconds(5)

    let stores: Stores
    private let links: NIOLoopBound<[RedisLink]>
    private let storeLinks: [StoreLink]

    /// Creates the connections on their event loop. They do nothing before `run()`.
    init(
        eventLoop: any EventLoop, settings: ServerSettings, requirement: RedisRequirement, seen: SeenRevision,
        functionDenials: FunctionDenials, linkLog: RedisLinkLog, logger: Logger
    ) {
        let link = RedisLink(address: settings.redis, requirement: requirement, eventLoop: eventLoop, logger: logger)
        link.onFunctionsDenied = functionDenials.functionsWereDenied
        let pages = RedisLink(address: settings.redis, requirement: requirement, eventLoop: eventLoop, logger: logger)
        for each in [link, pages] { each.log = linkLog }
        link.library = .tollgate
        links = NIOLoopBound([link, pages], eventLoop: eventLoop)
        let storeLink = StoreLink(
            NIOLoopBound(link, eventLoop: eventLoop), deadline: TimeAmount(settings.deadline))
        let storePages = StoreLink(
            NIOLoopBound(pages, eventLoop: eventLoop),
            deadline: TimeAmount(max(settings.deadline, Self.minPageDeadline)))
        storeLinks = [storeLink, storePages]
        stores = Stores(storeLink, pages: storePages, keySpace: settings.keySpace, seen: seen, logger: logger)
    }

    /// Connects until graceful shutdown. Then fails pending calls and closes the connections.
    func run() async {
        try? await links.eventLoop.submit { [links] in
            for link in links.value { link.start() }
        }.get()
        try? await gracefulShutdown()
        for link in storeLinks { link.close() }
        try? await links.eventLoop.flatSubmit { [links] in
            EventLoopFuture.andAllComplete(links.value.map { $0.shutdown() }, on: links.eventLoop)
        }.get()
    }

    /// Closes the current connections and opens new ones.
    func reconnect(reason: String) {
        links.eventLoop.execute { [links] in
            for link in links.value { link.disconnect(reason: reason) }
        }
    }
}
