import Foundation

/// Keeps a TCP port of 127.0.0.1 from being given to anybody else: bound, but not listening, so that who connects is refused.
/// Others can listen on it as long as they too say SO_REUSEADDR.
package struct PortHolder: Sendable {
    /// The port held.
    package let number: Int
    private let descriptor: Int32

    /// Takes a free port. Throws what the system says against it.
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

    /// Lets the port go.
    package func release() {
        close(descriptor)
    }
}
