#if canImport(Glibc)
import CAllocationCount
import NIOCore
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// What a request costs in heap allocations.
@Suite(.enabled(if: tollgate_counts_allocations(), "allocations are counted with glibc and without sanitizers"))
struct AllocationTests {
    // Without the optimiser every closure that captures something lies on the heap: a debug build has a ceiling of its own,
    // under which only a large step back shows. It is the release build that has to keep to one.
    #if DEBUG
    static let mostForACheck = 25.0
    #else
    static let mostForACheck = 1.0
    #endif

    static let policy = """
        history: [user, tool, provider]
        defaults:
          user: { requests: { 1m: 1000000, 1h: 1000000, 24h: 1000000 } }
          tool: { requests: { 1m: 1000000, 1h: 1000000 } }
          provider: { requests: { 1m: 1000000 } }
        """
    static let connections = 64
    static let depth = 16
    static let users = 100

    @Test("a CHECK of 64 connections, 16 deep, stays below the ceiling of allocations")
    func pipelinedChecks() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.workers = 1 }) { harness in
            let clients = try (0..<Self.connections).map { _ in try harness.client() }
            let eventLoop = try harness.onlyEventLoop()
            // Grows what grows once: sessions, plans, batches.
            for _ in 0..<3 { try await ask(clients, harness) }
            let rounds = 20
            let before = try await eventLoop.submit { tollgate_allocation_count() }.get()
            for _ in 0..<rounds { try await ask(clients, harness) }
            let after = try await eventLoop.submit { tollgate_allocation_count() }.get()
            let forACheck = Double(after - before) / Double(rounds * Self.connections * Self.depth)
            #expect(forACheck > 0, "nothing was counted on the thread that answers")
            #expect(forACheck <= Self.mostForACheck)
        }
    }

    /// One round of requests on every connection.
    private func ask(_ clients: [SocketClient], _ harness: ServerHarness) async throws {
        try await send(to: clients, harness)
        for client in clients {
            for _ in 0..<Self.depth { #expect(try await client.readLine()?.hasPrefix("ALLOW limit=") == true) }
        }
    }

    /// Redis stands still while the requests come in: so the batches are as full as those of a busy sidecar, however slowly
    /// a test sends.
    private func send(to clients: [SocketClient], _ harness: ServerHarness) async throws {
        harness.redis.freeze(true)
        defer { harness.redis.freeze(false) }
        for (number, client) in clients.enumerated() {
            let lines = (0..<Self.depth).map { place in
                let user = (number * Self.depth + place) % Self.users
                return "CHECK user=u\(user) tool=t\(user % 20) provider=p\(user % 4)\n"
            }
            try await client.send(lines.joined())
        }
    }
}

extension ServerHarness {
    /// The loop of a sidecar that has one worker. The server shows its loops to nobody, so this one is found by the name of
    /// the property.
    fileprivate func onlyEventLoop() throws -> any EventLoop {
        try #require(Mirror(reflecting: server).descendant("group") as? any EventLoopGroup).any()
    }
}
#endif
