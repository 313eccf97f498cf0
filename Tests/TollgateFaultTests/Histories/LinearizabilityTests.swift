import Testing
import TollgateTestSupport

/// Tests that the answers of several sidecars to concurrent clients equal those of one counter to sequential requests.
extension FaultTests {
    private static let policy = """
        defaults:
          user: { requests: { total: 30 }, cost: { total: { max: 0.0000006, on_redis_failure: open } } }
        """

    @Test("histories of 8 clients over 2 sidecars are linearizable")
    func linearizable() async throws {
        var setup = Stand.Setup(policy: Self.policy)
        // A long deadline, so that a slow machine answers nothing without Redis.
        setup.arguments = ["--deadline", "30s"]
        try await playHistories("linearizable", setup, count: 160) { _, _ in }
    }

    @Test(
        "they are linearizable with killed connections to Redis too, except that journaled usage may seem to be held"
    )
    func linearizableWithLostConnections() async throws {
        let setup = Stand.Setup(policy: Self.policy)
        try await playHistories("linearizable, connections killed", setup, count: 120, canWait: true) { round, stand in
            try await round.pause(5...40)
            _ = try await stand.cli("CLIENT", "KILL", "TYPE", "normal")
        }
    }

    private func playHistories(
        _ name: String, _ setup: Stand.Setup, count: Int, canWait: Bool = false,
        fault: @escaping @Sendable (inout Round, Stand) async throws -> Void
    ) async throws {
        let stand = try await Stand(setup)
        for (number, seed) in FaultSettings.seeds(of: name).enumerated() {
            var round = Round(scenario: name, number: number, seed: seed)
            _ = try await stand.recover()
            let history = try await record(&round, on: stand, count: count, fault: fault)
            let waiting = canWait ? LedgerModel.Waiting(history) : .init()
            let start = LedgerModel(maxRequests: 30, maxCost: 600, maxWaiting: waiting)
            let started = ContinuousClock.now
            let verdict = HistoryChecker.check(history, from: start)
            let (unknown, queued) = (history.count { $0.returned == nil }, history.count { $0.outcome == .queued })
            note(
                "\(round): \(history.count) requests, \(unknown) without an answer, \(queued) queued, checked in "
                    + (ContinuousClock.now - started).short)
            if case .not(let longest) = verdict { Issue.record("\(round): \(explain(history, longest))") }
        }
        try await stand.stop()
    }

    private func record(
        _ round: inout Round, on stand: Stand, count: Int,
        fault: (inout Round, Stand) async throws -> Void
    ) async throws -> [HistoryEvent] {
        let scope = LoadScope(kind: "user", id: "history\(round.number)")
        let beginning = ContinuousClock.now
        let clients = (0..<8).map { number in
            let client = HistoryClient(
                scope: scope, socketPath: stand.socketPaths[number % 2], beginning: beginning,
                seed: round.generator.next())
            return Task {
                var client = client
                return try await client.run(count: count / 8)
            }
        }
        try await fault(&round, stand)
        var history: [HistoryEvent] = []
        for client in clients { history += try await client.value }
        // Queued requests are applied by the time the journals are empty, and the final counters are read then.
        try await stand.waitUntilDrained()
        let drained = Int((ContinuousClock.now - beginning) / .nanoseconds(1))
        for index in history.indices where history[index].outcome == .queued { history[index].returned = drained }
        let usage = try HistoryReply.outcome(
            of: .usage, try await stand.sidecars[0].client().ask("USAGE scope=\(scope.kind):\(scope.id)")[0])
        return history + [HistoryEvent(.usage, usage, invoked: drained + 1, returned: drained + 2)]
    }

    /// The end of the ordered events, and those that could not be ordered.
    private func explain(_ history: [HistoryEvent], _ longest: [Int]) -> String {
        func text(_ index: Int) -> String {
            let event = history[index]
            let end = event.returned.map(String.init) ?? "?"
            return "\(event.invoked)…\(end) \(event.operation): \(event.outcome)"
        }
        let rest = Set(history.indices).subtracting(longest)
        let next = rest.sorted { history[$0].invoked < history[$1].invoked }.prefix(12)
        return "not linearizable after\n" + longest.suffix(12).map(text).joined(separator: "\n")
            + "\nwhen next come\n" + next.map(text).joined(separator: "\n")
    }
}
