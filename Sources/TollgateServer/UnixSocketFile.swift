import Foundation
import NIOCore
import NIOPosix

/// The file of a listening Unix socket: readable by its owner alone, and taken over from a sidecar that is gone, never from one
/// that still answers.
struct UnixSocketFile {
    let path: String

    func bind(_ bootstrap: ServerBootstrap) async throws -> any Channel {
        try removeLeftover()
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw failure() }
        do {
            // Until it is listened on nobody can connect, and by then the file's rights are set. The process's mask would do as
            // well, but it is everybody's.
            guard withAddress({ Foundation.bind(descriptor, $0, $1) }) == 0, chmod(path, 0o600) == 0 else {
                throw failure()
            }
        } catch {
            close(descriptor)
            throw error
        }
        return try await bootstrap.withBoundSocket(descriptor).get()
    }

    private func failure() -> ServerError {
        ServerError("--listen unix:\(path): \(String(cString: strerror(errno)))")
    }

    private func removeLeftover() throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw ServerError("--listen unix:\(path): there is a file of that name that is not a socket")
        }
        guard !isAnswered() else {
            throw ServerError("--listen unix:\(path): another process listens there")
        }
        unlink(path)
    }

    private func isAnswered() -> Bool {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return withAddress { connect(descriptor, $0, $1) } == 0
    }

    private func withAddress(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
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
