import Foundation
import NIOCore
package import TollgatePolicy

extension ListenAddress {
    /// Throws an `OperatorError` if another process listens on the port, before anything is started.
    ///
    /// Other reasons why the address cannot be bound are left to the listener, which reports them.
    package func requireUnused(_ option: String) throws(OperatorError) {
        if bindingError == EADDRINUSE { throw inUse(option) }
    }

    /// The error of the system (`errno`) with which a TCP address cannot be bound now; nil if it can, and for port 0 and
    /// Unix sockets. Listens on nothing. Blocks while it resolves a host name.
    package var bindingError: CInt? {
        guard case .tcp(let host, let port) = self, port != 0,
            let address = try? SocketAddress.makeAddressResolvingHost(host, port: port)
        else { return nil }
        let descriptor = socket(address.protocol == .inet6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        // As the listeners do: connections that a former process has closed do not count.
        var yes: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size))
        return address.withSockAddr { address, length in
            bind(descriptor, address, socklen_t(length)) == 0 ? nil : errno
        }
    }

    /// The error of an address on which another process listens.
    package func inUse(_ option: String) -> OperatorError {
        let off = option != "--listen" ? ", or off" : ""
        return OperatorError(
            "\(option) \(self): \(String(cString: strerror(EADDRINUSE))) (is another sidecar running? choose another address\(off))"
        )
    }
}
