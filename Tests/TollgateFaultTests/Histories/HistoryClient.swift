import Foundation
import TollgateCore
import TollgateTestSupport

/// One of the clients that produce a history: it sends random requests on one scope, one at a time, and records the
/// answers. Owned by its task.
struct HistoryClient {
    let scope: LoadScope
    let socketPath: String
    /// The start time of the history.
    let beginning: ContinuousClock.Instant
    var generator: SeededGenerator
    private var events: [HistoryEvent] = []
    private var reservations: [String] = []

    init(
        scope: LoadScope, socketPath: String, beginning: ContinuousClock.Instant,
        seed: UInt64
    ) {
        self.scope = scope
        self.socketPath = socketPath
        self.beginning = beginning
        generator = SeededGenerator(seed: seed)
    }

    /// Sends a number of requests. Throws if an answer does not follow the protocol.
    mutating func run(count: Int) async throws -> [HistoryEvent] {
        var client = try SocketClient(.unix(path: socketPath))
        while events.count < count {
            let operation = next()
            let invoked = now
            var line: String?
            do {
                try await client.send(self.line(of: operation) + "\n")
                line = try await client.readLine()
            } catch is SocketClient.Failure {}
            let outcome = try line.map { try HistoryReply.outcome(of: operation, $0) } ?? .unknown
            events.append(HistoryEvent(operation, outcome, invoked: invoked, returned: now))
            if case .allowed(_, _, _, let token?) = outcome { reservations.append(token) }
            // Limits the number of requests with unknown outcomes.
            if outcome == .unknown || outcome == .queued { try await Task.sleep(for: .milliseconds(60)) }
            if line == nil { client = try SocketClient(.unix(path: socketPath)) }
            try await Task.sleep(for: .microseconds(Int64.random(in: 0...2_000, using: &generator)))
        }
        return events
    }

    private var now: Int { Int((ContinuousClock.now - beginning) / .nanoseconds(1)) }

    private mutating func next() -> HistoryEvent.Operation {
        let cost = Int.random(in: 1...60, using: &generator)
        if let token = reservations.last, Bool.random(using: &generator) {
            reservations.removeLast()
            let isCommitted = Bool.random(using: &generator)
            return isCommitted ? .commit(reservation: token, cost: cost) : .cancel(reservation: token)
        }
        switch Int.random(in: 0..<22, using: &generator) {
        case ..<7: return .check(hits: 1, cost: 0)
        case ..<10: return .record(hits: 0, cost: cost)
        case ..<12: return .refund(hits: 1, cost: cost)
        case ..<14: return .usage
        case ..<16: return .peek(hits: 1, cost: cost)
        case ..<20: return .reserve(cost: cost)
        default: return .check(hits: 2, cost: cost)
        }
    }

    private func line(of operation: HistoryEvent.Operation) -> String {
        func words(_ hits: Int, _ cost: Int) -> String {
            scope.word + (hits == 0 ? "" : " requests=\(hits)") + (cost == 0 ? "" : " cost=\(moneyText(nanos: cost))")
        }
        return switch operation {
        case .check(let hits, let cost): "CHECK \(words(hits, cost))"
        case .peek(let hits, let cost): "PEEK \(words(hits, cost))"
        case .record(let hits, let cost): "RECORD \(words(hits, cost))"
        case .refund(let hits, let cost): "REFUND \(words(hits, cost))"
        case .reserve(let cost): "RESERVE \(words(0, cost)) ttl=60"
        case .commit(let token, let cost): "COMMIT reservation=\(token) cost=\(moneyText(nanos: cost))"
        case .cancel(let token): "CANCEL reservation=\(token)"
        case .usage: "USAGE scope=\(scope.kind):\(scope.id)"
        }
    }
}
