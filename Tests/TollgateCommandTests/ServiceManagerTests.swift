import Foundation
import Testing
import TollgateTestSupport

@testable import tollgate

/// The notification of the service manager that the sidecar listens.
@Suite struct ServiceManagerTests {
    /// A datagram socket in the place of systemd's, at a path or, with an `@`, at an abstract name.
    private final class Receiver {
        private let descriptor: Int32

        init(_ name: String) throws {
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            var timeout = timeval(tv_sec: 30, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name.replacing("@", with: "\0").utf8) }
            let length = socklen_t(2 + name.utf8.count)
            let status = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
            }
            guard status == 0 else { throw TestFailure("bind: \(String(cString: strerror(errno)))") }
        }

        deinit { close(descriptor) }

        /// The next message; empty if none comes in time.
        func next(_ flags: Int32 = 0) -> String {
            var buffer = [UInt8](repeating: 0, count: 256)
            let count = recv(descriptor, &buffer, buffer.count, flags)
            return String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
        }
    }

    @Test("the sidecar reports once that it is ready, when it accepts connections")
    func ready() async throws {
        let redis = try TestRedis()
        let folder = try TemporaryFolder()
        let receiver = try Receiver(folder.path + "/notify")
        let sidecar = try await SidecarProcess(
            policy: "", arguments: ["--redis", "\(redis.address)"],
            environment: ["NOTIFY_SOCKET": folder.path + "/notify"], waitsUntilReady: false)
        #expect(receiver.next() == "READY=1")
        _ = try sidecar.client()
        #expect(try await sidecar.stop() == 0)
        #expect(receiver.next(Int32(MSG_DONTWAIT)) == "")
    }

    @Test("an abstract name works, and a missing or odd one has no effect")
    func names() throws {
        let name = "@tollgate-\(UUID().uuidString)"
        let receiver = try Receiver(name)
        let folder = try TemporaryFolder()
        for other in [nil, "", "notify", folder.path + "/missing", "/" + String(repeating: "x", count: 200)] {
            ServiceManager.notifyReady(other)
        }
        #expect(receiver.next(Int32(MSG_DONTWAIT)) == "")
        ServiceManager.notifyReady(name)
        #expect(receiver.next() == "READY=1")
    }
}
