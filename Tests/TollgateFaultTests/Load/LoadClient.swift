import TollgateCore
import TollgateTestSupport

/// One client of a load: asks a sidecar at random over a real socket, and again on a new connection when it loses one. Owned by its
/// task.
struct LoadClient {
    let socketPath: String
    let book: Bookkeeper
    /// Whether the load goes on.
    let goesOn: @Sendable () -> Bool
    var mix: OperationMix
    /// To be sent until they are answered.
    private var unsettled: [LoadOperation] = []
    /// Whether the last answer was given without Redis.
    private var isWithoutRedis = false

    init(socketPath: String, book: Bookkeeper, mix: OperationMix, goesOn: @escaping @Sendable () -> Bool) {
        self.socketPath = socketPath
        self.book = book
        self.mix = mix
        self.goesOn = goesOn
    }

    /// Until the load ends, and then as long as there is something to settle, 15 seconds at most.
    mutating func run() async {
        while goesOn() { await converse() { $0.goesOn() } }
        let deadline = ContinuousClock.now + .seconds(15)
        while !unsettled.isEmpty, ContinuousClock.now < deadline {
            await converse() { !$0.unsettled.isEmpty && ContinuousClock.now < deadline }
        }
        for operation in unsettled {
            book.complain("never settled: \(operation.line)")
            book.addPossible(operation.sums, on: operation.scopes)
        }
    }

    /// One connection's life.
    private mutating func converse(while condition: (LoadClient) -> Bool) async {
        guard let client = try? SocketClient(.unix(path: socketPath), patience: 5) else {
            return await pause(.milliseconds(5))
        }
        while condition(self) {
            guard await ask(burst(), on: client) else { return }
            // A load that goes on at full speed without Redis would be a test of how fast a journal is worked off.
            let range: ClosedRange<Int64> = isWithoutRedis ? 5_000...15_000 : 300...3_000
            await pause(.microseconds(Int64.random(in: range, using: &mix.generator)))
        }
    }

    private mutating func burst() -> [LoadOperation] {
        let again = Array(unsettled.prefix(12))
        unsettled.removeFirst(again.count)
        guard goesOn() else { return again }
        return again + (0..<Int.random(in: 1...5, using: &mix.generator)).map { _ in mix.next() }
    }

    /// Sends all and reads a reply to each. Returns false when the connection is of no more use.
    private mutating func ask(_ operations: [LoadOperation], on client: SocketClient) async -> Bool {
        let started = ContinuousClock.now
        for operation in operations where operation.vacates { book.vacate() }
        let isSent = (try? await client.send(operations.map { $0.line + "\n" }.joined())) != nil
        var isOpen = isSent
        for operation in operations {
            var line: String?
            if isOpen { line = try? await client.readLine() }
            isOpen = line != nil
            enter(operation, line, after: ContinuousClock.now - started)
        }
        return isOpen
    }

    private mutating func enter(_ operation: LoadOperation, _ line: String?, after wait: Duration) {
        let reply = LoadReply(line: line)
        isWithoutRedis = reply.isWithoutRedis
        guard book.enter(operation, reply, line: line, after: wait) else {
            var again = operation
            again.vacates = false
            return unsettled.append(again)
        }
        guard case .allow(let degraded, let token?) = reply else { return }
        unsettled.append(mix.settling(token, of: operation, degraded: degraded))
    }

    private func pause(_ time: Duration) async {
        try? await Task.sleep(for: time)
    }
}
