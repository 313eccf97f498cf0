import Foundation
import Testing
import TollgateClient
import TollgateTestSupport

/// Reservations of `TollgateClient` with a real sidecar.
@Suite struct ReservationClientTests {
    static let policy = """
        defaults:
          user: { requests: { 31d: 100 }, tokens: { total: 1000 }, concurrent: 20 }
        scopes:
          tool:off: { requests: { total: 0 } }
        """

    private func withClient(_ body: (Sidecar, TollgateClient) async throws -> Void) async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        let client = TollgateClient(.unix(path: sidecar.process.socketPath), deadline: .seconds(15))
        try await body(sidecar, client)
        await client.shutdown()
    }

    /// The used and held amounts of a user under a limit.
    private func usage(of limit: String, _ client: TollgateClient) async throws -> [String] {
        let limits = try await client.usage(.user("alice")).limits
        return limits.filter { $0.limit == limit }.flatMap { [$0.used.description, $0.held.description] }
    }

    @Test("a reservation is held until it is committed or cancelled once")
    func settled() async throws {
        try await withClient { _, client in
            let first = try await client.reserve(.user("alice"), .tool("search"), amounts: Amounts(tokens: 600))
            let denied = await #expect(throws: OverLimit.self) {
                try await client.reserve(.user("alice"), amounts: Amounts(tokens: 401))
            }
            #expect(denied?.reason == .quotaExceeded)
            let second = try await client.reserve(.user("alice"), amounts: Amounts(tokens: 400))
            let held = try await usage(of: "tokens/total", client)
            #expect(held == ["0", "1000"])

            let receipts = [
                try await client.commit(first, amounts: Amounts(tokens: 187)),
                try await client.commit(first, amounts: Amounts(tokens: 187)), try await client.cancel(second),
                try await client.cancel(second),
            ]
            #expect(receipts.map(\.isDuplicate) == [false, true, false, true])
            #expect(receipts.allSatisfy { !$0.isLate && !$0.isQueued })
            let used = [
                try await usage(of: "tokens/total", client), try await usage(of: "requests/31d", client),
            ]
            #expect(used == [["187", "0"], ["1", "0"]])
        }
    }

    @Test("a commit after expiry is charged and reported as late")
    func late() async throws {
        try await withClient { _, client in
            let reservation = try await client.reserve(
                .user("alice"), amounts: Amounts(tokens: 600), timeToLive: .seconds(1))
            try await Task.sleep(for: .seconds(1.1))
            let free = try await client.peek(.user("alice"), amounts: Amounts(tokens: 1000))
            #expect(free.allowed)
            #expect(try await client.commit(reservation, amounts: Amounts(tokens: 187)).isLate)
            #expect(try await usage(of: "tokens/total", client) == ["187", "0"])
        }
    }

    @Test("a record and a refund with the same id count once each")
    func ids() async throws {
        try await withClient { _, client in
            for isDuplicate in [false, true] {
                let recorded = try await client.record(.user("alice"), amounts: Amounts(tokens: 7), id: "a b")
                let refunded = try await client.refund(.user("alice"), amounts: Amounts(tokens: 2), id: "a b")
                #expect([recorded.isDuplicate, refunded.isDuplicate] == [isDuplicate, isDuplicate])
            }
            #expect(try await usage(of: "tokens/total", client) == ["5", "0"])
        }
    }

    @Test("concurrent guarded calls are charged their usage, and leave nothing held")
    func guarded() async throws {
        struct Broken: Error {}
        try await withClient { _, client in
            try await withThrowingDiscardingTaskGroup { group in
                for task in 1...20 {
                    group.addTask {
                        do {
                            try await client.guarded(.user("alice"), amounts: Amounts(tokens: 40)) { _ in
                                if task.isMultiple(of: 4) { throw Broken() }
                                if task.isMultiple(of: 5) { throw CancellationError() }
                                return ((), Amounts(tokens: Int64(task)))
                            }
                        } catch is Broken {} catch is CancellationError {}
                    }
                }
            }
            let expected = (1...20).filter { !$0.isMultiple(of: 4) && !$0.isMultiple(of: 5) }
            #expect(try await usage(of: "tokens/total", client) == ["\(expected.reduce(0, +))", "0"])
            #expect(try await usage(of: "requests/31d", client) == ["\(expected.count)", "0"])
        }
    }

    @Test("usage that could not be committed while the sidecar was down is committed after its restart")
    func restart() async throws {
        let redis = try TestRedis()
        let arguments = ["--redis", "\(redis.address)", "--deadline", "10s"]
        let first = try await SidecarProcess(policy: Self.policy, arguments: arguments)
        let client = TollgateClient(.unix(path: first.socketPath), deadline: .seconds(15))
        let error = try #require(
            await #expect(throws: UncommittedUsage<Int>.self) {
                try await client.guarded(.user("alice"), amounts: Amounts(tokens: 600)) { _ in
                    _ = try await first.stop()
                    return (42, Amounts(tokens: 187))
                }
            })
        #expect(error.value == 42)
        let second = try await SidecarProcess(policy: Self.policy, arguments: arguments, folder: first.folder)
        try await eventually { (try? await client.commit(error.reservation, amounts: error.amounts)) != nil }
        #expect(try await client.commit(error.reservation, amounts: error.amounts).isDuplicate)
        #expect(try await usage(of: "tokens/total", client) == ["187", "0"])
        await client.shutdown()
        #expect(try await second.stop() == 0)
    }

    @Test("the example charges exactly what it prints")
    func toolExecutor() async throws {
        let policy = Self.policy.replacing("concurrent: 20", with: "concurrent: 40")
            .replacing("total: 1000", with: "total: 1000000").replacing("tool:off", with: "tool:createIssues")
        let sidecar = try await Sidecar(policy: policy)
        let program = URL(fileURLWithPath: SidecarProcess.program).deletingLastPathComponent()
        let example = try await Command.run("\(program.path)/ToolExecutor", ["unix:\(sidecar.process.socketPath)"])
        #expect(example.status == 0)
        let lines = example.output.split(separator: "\n")
        #expect(lines.count == 36)
        #expect(lines.filter { $0.contains("createIssues") && $0.contains("given up, over the limit") }.count == 12)
        let client = TollgateClient(.unix(path: sidecar.process.socketPath), deadline: .seconds(15))
        for user in ["alice", "bob"] {
            let tokens = lines.filter { $0.hasPrefix(user) }.compactMap { line in
                line.split(separator: "done with ").dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) }
            }
            let limit = try await client.usage(.user(user)).limits.first { $0.limit == "tokens/total" }
            #expect(limit?.used.wholeNumber == Int64(tokens.reduce(0, +)), "\(example.output)")
            #expect(limit?.held.wholeNumber == 0)
        }
        await client.shutdown()
    }
}
