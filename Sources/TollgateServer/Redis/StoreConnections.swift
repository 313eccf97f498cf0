import Logging
import NIOCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// The connections over which a sidecar reads and writes what is not on the way of requests: one for what is short, and one for the
/// pages of history, so that a report which takes long holds up and cuts off nobody but other reports.
///
/// Usable from any thread; the connections are owned by the event loop it was made on.
final class StoreConnections: Sendable {
    /// Pages are long, and nobody's request waits for them.
    private static let leastPageDeadline = Duration.seconds(5)

    let stores: Stores
    private let links: NIOLoopBound<[RedisLink]>
    private let storeLinks: [StoreLink]

    /// To be made on the event loop. Does nothing before `start()`.
    init(
        eventLoop: any EventLoop, settings: ServerSettings, requirement: RedisRequirement, seen: SeenRevision,
        functionRights: FunctionRights, logger: Logger
    ) {
        let link = RedisLink(address: settings.redis, requirement: requirement, eventLoop: eventLoop, logger: logger)
        link.onFunctionsDenied = functionRights.wereDenied
        let pages = RedisLink(address: settings.redis, requirement: requirement, eventLoop: eventLoop, logger: logger)
        link.library = .tollgate
        links = NIOLoopBound([link, pages], eventLoop: eventLoop)
        let storeLink = StoreLink(
            NIOLoopBound(link, eventLoop: eventLoop), deadline: TimeAmount(settings.deadline))
        let storePages = StoreLink(
            NIOLoopBound(pages, eventLoop: eventLoop),
            deadline: TimeAmount(max(settings.deadline, Self.leastPageDeadline)))
        storeLinks = [storeLink, storePages]
        stores = Stores(storeLink, pages: storePages, keySpace: settings.keySpace, seen: seen, logger: logger)
    }

    /// To be called on the event loop.
    func start() {
        for link in links.value { link.start() }
    }

    /// Gives up the present connections and makes new ones.
    func connectAnew(reason: String) {
        links.eventLoop.execute { [links] in
            for link in links.value { link.disconnect(reason: reason) }
        }
    }

    /// Whoever waits for a reply is told that none comes. Returns when the connections are closed.
    func stop() async {
        for link in storeLinks { link.close() }
        try? await links.eventLoop.flatSubmit { [links] in
            EventLoopFuture.andAllComplete(links.value.map { $0.shutdown() }, on: links.eventLoop)
        }.get()
    }
}
