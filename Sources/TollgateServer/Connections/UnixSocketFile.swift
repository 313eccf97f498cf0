import Foundation
package import TollgatePolicy

/// The file of a listening Unix socket, accessible to its owner only. Replaces the file of a process that is gone, but
/// not of one that still accepts connections. Recognises its own file by device and inode.
package struct UnixSocketFile: Sendable {
    package let path: String
    /// The option that names the path, for errors: `--listen`.
    private let option: String
    private let device: dev_t
    private let inode: ino_t
    /// The bound socket. The caller listens on it and closes it.
    package let descriptor: CInt

    /// Creates the file and binds the socket.
    ///
    /// - Throws: An `OperatorError` that names the option and the path.
    package init(making path: String, option: String) throws(OperatorError) {
        self.path = path
        self.option = option
        try Self.removeLeftover(path, option)
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Self.failure(path, option) }
        var status = stat()
        // No client can connect before the socket listens, and by then the permissions are set. Changing the umask
        // instead would affect all threads.
        guard Self.withAddress(of: path, { [descriptor] in Foundation.bind(descriptor, $0, $1) }) == 0,
            chmod(path, 0o600) == 0, lstat(path, &status) == 0
        else {
            let failure = Self.failure(path, option)
            close(descriptor)
            throw failure
        }
        device = status.st_dev
        inode = status.st_ino
    }

    /// Removes the file, unless another process has replaced it. Only valid while the socket is open: afterwards the
    /// inode can be reused.
    package func remove() {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_dev == device, status.st_ino == inode else { return }
        unlink(path)
    }

    private static func failure(_ path: String, _ option: String) -> OperatorError {
        OperatorError("\(option) unix:\(path): \(String(cString: strerror(errno)))")
    }

    private static func removeLeftover(_ path: String, _ option: String) throws(OperatorError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw OperatorError("\(option) unix:\(path): the file exists and is not a socket")
        }
        guard !isAnswered(path) else {
            throw OperatorError("\(option) unix:\(path): another process listens there")
        }
        unlink(path)
    }

    /// Whether a process accepts connections on a socket.
    package static func isAnswered(_ path: String) -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return withAddress(of: path) { connect(descriptor, $0, $1) } == 0
    }

    private static func withAddress(
        of path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
