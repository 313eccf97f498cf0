import NIOCore
import NIOPosix

extension ClientBootstrap {
    /// Opens a connection to a sidecar.
    func connect(to address: TollgateAddress) -> EventLoopFuture<any Channel> {
        switch address {
        case .tcp(let host, let port): connect(host: host, port: port)
        case .unix(let path): connect(unixDomainSocketPath: path)
        }
    }
}
