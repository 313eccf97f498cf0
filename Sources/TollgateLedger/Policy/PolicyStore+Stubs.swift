package import Logging
package import NIOCore
package import TollgateCore
package import TollgateRedis

extension PolicyStore {
    package static let scripts: [RedisScript] = []
    package func shared() async throws(PolicyStoreError) -> StoredShared { StoredShared() }
}
extension StoredSettings {
    package init(scope: Scope, reply: RedisReply) throws(PolicyStoreError) { self.init() }
}
package final class RedisSubscription {
    package var onSubscribed: () -> Void = {}
    package var onLost: () -> Void = {}
    package var onMessage: (String) -> Void = { _ in }
    let l: any EventLoop
    package init(address: RedisAddress, channel: String, eventLoop: any EventLoop, logger: Logger) { l = eventLoop }
    package func start() {}
    package func shutdown() -> EventLoopFuture<Void> { l.makeSucceededVoidFuture() }
}
