import Foundation
import Testing
import TollgateClient
import TollgateTestSupport

/// `TollgateClient` with a real sidecar.
@Suite struct ClientTests {
    static let policy = """
        defaults:
          user: { requests: { 31d: 100 }, tokens: { total: 1000 }, cost: { total: 10 } }
        scopes:
          tool:off: { requests: { 1m: 0 } }
        """

    private func withClient(
        of sidecar: Sidecar, token: String? = nil, onUnavailable: UnavailableRule = .throwError,
        _ body: (TollgateClient) async throws -> Void
    ) async throws {
        for address in [
            TollgateAddress.tcp(host: "127.0.0.1", port: sidecar.port), .unix(path: sidecar.process.socketPath),
        ] {
            let client = TollgateClient(address, token: token, deadline: .seconds(15), onUnavailable: onUnavailable)
            try await body(client)
            await client.shutdown()
        }
    }

    @Test("every call gets its reply, over TCP and a Unix socket")
    func calls() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        try await withClient(of: sidecar) { client in
            try await client.ping()
            let user = Scope.Part.user("Alice \"B\" \(UUID().uuidString)")
            let allowed = try await client.check(user, .tool("search"), amounts: Amounts(tokens: 200))
            #expect(allowed.allowed && !allowed.isDegraded)
            #expect(allowed.limit == "user:\(user.id)/requests/31d")
            #expect(allowed.max?.description == "100" && allowed.used?.description == "1")
            let denied = try await client.check(user, .tool("off"))
            #expect(!denied.allowed)
            #expect(denied.reason == .blocked)
            #expect(denied.limit == "tool:off/requests/1m")
            try await client.record(user, amounts: Amounts(tokens: 700, cost: try Money(parsing: "9.5")))
            try await client.refund(user, amounts: Amounts(tokens: 100, cost: try Money(parsing: "0.000000001")))
            #expect(try await client.peek(user, amounts: Amounts(tokens: 400)).allowed)
            let tooMuch = try await client.peek(user, amounts: Amounts(tokens: 401))
            #expect(tooMuch.reason == .quotaExceeded)
            #expect(tooMuch.retryAfter == nil)
            let usage = try await client.usage(user)
            #expect(usage.limits.map(\.limit) == ["requests/31d", "tokens/total", "cost/total"])
            #expect(usage.limits.map(\.used.description) == ["1", "600", "9.499999999"])
        }
    }

    @Test("a rejected request is an error with its code, and the connection stays open")
    func refusal() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        try await withClient(of: sidecar) { client in
            await #expect(throws: TollgateClientError.self) { try await client.check(.user("")) }
            await #expect(throws: TollgateClientError.self) { try await client.check(.user("alice"), .user("bob")) }
            try await client.ping()
        }
    }

    @Test("64 concurrent tasks get exactly as many ALLOW as the limit admits")
    func tasks() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        let client = TollgateClient(.unix(path: sidecar.process.socketPath), deadline: .seconds(15))
        let allowed = try await withThrowingTaskGroup(of: Int.self) { group in
            for task in 0..<64 {
                group.addTask {
                    var allowed = 0
                    for _ in 0..<10 {
                        if try await client.check(.user("alice")).allowed { allowed += 1 }
                        // Each task also has its own user, so that replies can be matched.
                        let own = try await client.check(.user("task\(task)"))
                        #expect(own.limit == "user:task\(task)/requests/31d")
                    }
                    return allowed
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(allowed == 100)
        #expect(try await sidecar.count("connections") == 2)
        await client.shutdown()
    }

    @Test("the right token is accepted, and a wrong or missing one is rejected whatever the rule")
    func token() async throws {
        let sidecar = try await Sidecar(policy: Self.policy, token: "open sesame, please")
        try await withClient(of: sidecar, token: "open sesame, please") { client in
            let decision = try await client.check(.user("alice"))
            #expect(decision.allowed)
        }
        for (token, sentence) in [(nil, "AUTH with the token first"), ("guess", "wrong token")] {
            try await withClient(of: sidecar, token: token, onUnavailable: .allow) { client in
                await #expect(throws: TollgateClientError.refused(code: "unauthenticated", sentence: sentence)) {
                    try await client.check(.user("alice"))
                }
            }
        }
    }

    @Test("a client applies its rule while the sidecar is down, and reconnects after a restart")
    func restart() async throws {
        let redis = try TestRedis()
        let arguments = ["--redis", "\(redis.address)", "--deadline", "10s"]
        let first = try await SidecarProcess(policy: Self.policy, arguments: arguments)
        let address = TollgateAddress.unix(path: first.socketPath)
        let clients = [UnavailableRule.allow, .deny, .throwError].map {
            TollgateClient(address, deadline: .seconds(15), onUnavailable: $0)
        }
        for client in clients { #expect(try await client.check(.user("alice")).used != nil) }
        #expect(try await first.stop() == 0)

        #expect(try await clients[0].check(.user("alice")) == Decision(allowed: true, isDegraded: true))
        #expect(try await clients[1].check(.user("alice")) == Decision(allowed: false, isDegraded: true))
        await #expect(throws: TollgateClientError.self) { try await clients[2].check(.user("alice")) }
        await #expect(throws: TollgateClientError.self) {
            try await clients[0].record(.user("alice"), amounts: Amounts(tokens: 1))
        }

        let second = try await SidecarProcess(policy: Self.policy, arguments: arguments, folder: first.folder)
        for client in clients {
            try await eventually { (try? await client.check(.user("alice")))?.used != nil }
            await client.shutdown()
        }
        #expect(try redis.hash("tollgate:user:alice")["requests/31d.n"] == "6")
        #expect(try await second.stop() == 0)
    }

    @Test("killing the sidecar leaves no call without a result")
    func killed() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        let client = TollgateClient(
            .unix(path: sidecar.process.socketPath), deadline: .seconds(2), onUnavailable: .deny)
        try await client.ping()
        let decisions = try await withThrowingTaskGroup(of: Decision.self) { group in
            for task in 0..<64 {
                group.addTask {
                    if task == 32 { sidecar.process.signal(SIGKILL) }
                    return try await client.check(.user("alice"))
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(decisions.count == 64)
        #expect(decisions.allSatisfy { $0.allowed != $0.isDegraded })
        #expect(try await sidecar.process.end() == SIGKILL)
        #expect(try await client.check(.user("alice")) == Decision(allowed: false, isDegraded: true))
        await client.shutdown()
    }
}
