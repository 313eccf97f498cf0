import Logging
package import NIOCore
import NIOPosix
import TollgateRedis
package import TollgateStores

/// Calls a closure with a connected store link to a Redis, and shuts the link down afterwards.
package func withStoreLink(
    to redis: TestRedis, deadline: TimeAmount = .seconds(20),
    _ body: (StoreLink) async throws -> Void
) async throws {
    let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let link = try await eventLoop.submit {
        let link = RedisLink(
            address: redis.address, eventLoop: eventLoop,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        link.start()
        return NIOLoopBound(link, eventLoop: eventLoop)
    }.get()
    try await eventually { try await eventLoop.submit { link.value.isReady }.get() }
    let result: Result<Void, any Error>
    do {
        result = .success(try await body(StoreLink(link, deadline: deadline)))
    } catch {
        result = .failure(error)
    }
    try await eventLoop.flatSubmit { link.value.shutdown() }.get()
    try result.get()
}
