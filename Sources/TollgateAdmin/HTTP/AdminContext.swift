package import Hummingbird
import NIOCore

/// What the router hands on with a request.
package struct AdminContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The connection that the request came on.
    let channel: any Channel
    /// Where the request came from: an IP address, or `unix`.
    let address: String

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
        address = source.channel.remoteAddress?.ipAddress ?? "unix"
    }
}
