import Foundation

/// Notifies the service manager that started this process, as `sd_notify(3)` does.
///
/// systemd names a datagram socket in `NOTIFY_SOCKET` for a service of `Type=notify`. A name that begins with `@` is in
/// the abstract namespace.
enum ServiceManager {
    /// Reports that the sidecar listens. Does nothing without a service manager, or if it cannot be reached.
    ///
    /// - Parameter socketName: The value of `NOTIFY_SOCKET`.
    static func notifyReady(_ socketName: String? = ProcessInfo.processInfo.environment["NOTIFY_SOCKET"]) {
        guard let socketName, socketName.hasPrefix("/") || socketName.hasPrefix("@") else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard socketName.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            path.copyBytes(from: socketName.utf8)
            if path[0] == UInt8(ascii: "@") { path[0] = 0 }
        }
        // An abstract name ends with the address, not with a zero byte.
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + socketName.utf8.count
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let message = Array("READY=1".utf8)
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL), $0, socklen_t(length))
            }
        }
    }
}
