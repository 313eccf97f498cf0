package import Hummingbird
import NIOCore

/// The context of a request in the router.
package struct AdminContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The connection of the request.
    let channel: any Channel
    /// The client's IP address, or `unix`.
    let address: String

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
        address = source.channel.remoteAddress?.ipAddress ?? "unix"
    }
}
