import TollgateCore
import TollgateTestSupport

/// One client of a load: it sends random requests over a real socket, and reconnects when it loses the connection. Owned by its
/// task.
struct LoadClient {
    let socketPath: String
    let book: Bookkeeper
    /// Whether the load goes on.
    let goesOn: @Sendable () -> Bool
    var mix: OperationMix
    /// The operations that are sent until they are answered.
    private var unsettled: [LoadOperation] = []
    /// Whether the last answer was given without Redis.
    private var isWithoutRedis = false

    init(socketPath: String, book: Bookkeeper, mix: OperationMix, goesOn: @escaping @Sendable () -> Bool) {
        self.socketPath = socketPath
        self.book = book
        self.mix = mix
        self.goesOn = goesOn
    }

    /// Runs until the load ends, and then until its open operations are completed, for at most 15 seconds.
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

    /// Runs one connection.
    private mutating func converse(while condition: (LoadClient) -> Bool) async {
        guard let client = try? SocketClient(.unix(path: socketPath), patience: 5) else {
            return await pause(.milliseconds(5))
        }
        while condition(self) {
            guard await ask(burst(), on: client) else { return }
            // A load at full speed without Redis would only test the speed of a journal's replay.
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

    /// Sends all operations and reads their replies. Returns false if the connection is unusable.
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
