import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// Connections that are idle, half-open, or stuck.
@Suite struct IdleTimeoutTests {
    private static let token = "the token of tests"

    @Test("by default only connections from beyond this host have an idle timeout")
    func remoteListeners() async throws {
        try await withServer(adjust: {
            $0.listen.append(.tcp(host: "0.0.0.0", port: 0))
            $0.token = Self.token
            $0.idleTimeout = .remoteListeners(.seconds(1))
        }) { harness in
            guard case .tcp(_, let port) = harness.sidecar.addresses.line[0] else {
                throw TestFailure("no TCP address")
            }
            let local = [try SocketClient(.tcp(port: port)), try harness.unixClient()]
            for client in local { #expect(try await client.ask("AUTH \"\(Self.token)\"", "PING") == ["OK", "PONG"]) }
            // The harness's port is that of the last address.
            let distant = try (0..<4).map { _ in try harness.client() }
            for client in distant { #expect(try await client.ask("AUTH \"\(Self.token)\"") == ["OK"]) }
            for client in distant { #expect(try await client.readToEnd() == []) }
            for client in local { #expect(try await client.ask("PING") == ["PONG"]) }
        }
    }

    @Test("the rules of the idle timeout apply to the right addresses")
    func rules() throws {
        let (loopback, unix) = (try ListenAddress(parsing: "[::1]:1"), try ListenAddress(parsing: "unix:/s"))
        let open = try ListenAddress(parsing: "0.0.0.0:1")
        #expect([loopback, unix, open].map(IdleTimeout.standard.time) == [nil, nil, .seconds(300)])
        let times: [Duration?] = [loopback, unix, open].map(IdleTimeout.after(.seconds(5)).time)
        #expect(times == [.seconds(5), .seconds(5), .seconds(5)])
        #expect([loopback, unix, open].map(IdleTimeout.off.time) == [nil, nil, nil])
        #expect(IdleTimeout.standard.timeWhenFull == .seconds(300) && IdleTimeout.off.timeWhenFull == nil)
    }

    @Test("half a request, and replies that nobody reads, end a connection without an idle timeout; silence does not")
    func stalled() async throws {
        try await withServer(adjust: {
            $0.idleTimeout = .off
            $0.stallTimeout = .seconds(1)
        }) { harness in
            let silent = try harness.client()
            #expect(try await silent.ask("PING") == ["PONG"])
            let half = [try harness.client(), try harness.unixClient(), try harness.client()]
            try await half[0].send("CHECK us")
            try await half[1].send(Array(resp("CHECK", "user=alice").dropLast(3)))
            try await half[2].send("PING\nPI")
            #expect(try await half[2].readLine() == "PONG")
            for client in half { #expect(try await client.readToEnd() == []) }
            let deaf = try harness.unixClient()
            let sending = Task {
                try? await deaf.send(
                    Array(repeating: resp("ECHO", String(repeating: "x", count: 8_000)), count: 1_000).joined())
            }
            try await eventually(within: .seconds(30)) { await harness.sidecar.report().counts.connections > 1 }
            try await eventually(within: .seconds(30)) { await harness.sidecar.report().counts.connections == 1 }
            await sending.value
            #expect(try await silent.ask("PING") == ["PONG"])
        }
    }

    @Test("while connections are refused at the limit, idle ones make room, also on this host")
    func full() async throws {
        try await withServer(adjust: {
            $0.maxConnections = 2
            $0.idleTimeout = .remoteListeners(.seconds(1))
        }) { harness in
            let idle = [try harness.client(), try harness.unixClient()]
            for client in idle { #expect(try await client.ask("PING") == ["PONG"]) }
            try await eventually(within: .seconds(30)) { (try? await harness.ask("PING")) == ["PONG"] }
            // Closing one of them makes room, so the other may stay.
            try await eventually(within: .seconds(30)) { await harness.sidecar.report().clients.refused > 0 }
        }
    }

    @Test("TCP connections are probed by keepalive, so that a vanished host is noticed")
    func keepalive() async throws {
        try await withServer { harness in
            let client = try harness.client()
            #expect(try await client.ask("PING") == ["PONG"])
            let values = (CInt(3)..<4_096).compactMap { Self.keepalive(of: $0, onPort: harness.port) }
            #expect(values == [1])
        }
    }

    /// The option of a connection that the sidecar has accepted on a port; nil for any other descriptor.
    private static func keepalive(of descriptor: CInt, onPort port: Int) -> CInt? {
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isNamed = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) == 0 }
        }
        guard isNamed, name.sin_family == sa_family_t(AF_INET), in_port_t(bigEndian: name.sin_port) == port else {
            return nil
        }
        var (isListening, isAlive) = (CInt(0), CInt(0))
        var size = socklen_t(MemoryLayout<CInt>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size)
        getsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &isAlive, &size)
        return isListening == 0 ? isAlive : nil
    }
}
