import Foundation

/// A TCP port of 127.0.0.1 that is reserved: bound, but not listening, so connections are refused. Other sockets can
/// listen on it with SO_REUSEADDR.
package struct PortHolder: Sendable {
    /// The port number.
    package let number: Int
    private let descriptor: Int32

    /// Reserves a free port. Throws the error of the system.
    package init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw TestFailure("socket: \(String(cString: strerror(errno)))") }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else {
            close(descriptor)
            throw TestFailure("bind: \(String(cString: strerror(errno)))")
        }
        self.descriptor = descriptor
        number = Int(UInt16(bigEndian: address.sin_port))
    }

    /// Releases the port.
    package func release() {
        close(descriptor)
    }
}

/// A TCP port on 127.0.0.1 that was free a moment ago; nil if there is none.
package func findFreePort() -> Int? {
    guard let holder = try? PortHolder() else { return nil }
    holder.release()
    return holder.number
}
