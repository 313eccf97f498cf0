import Synchronization
import TollgateCore
import TollgateTestSupport

/// Clients that send requests to one or more sidecars, each on its own connection, from ``start`` until ``stop()``.
final class Load: Sendable {
    let book: Bookkeeper
    private let goesOn: Flag
    private let clients: [Task<Void, Never>]

    private final class Flag: Sendable {
        private let value = Mutex(true)
        var isUp: Bool { value.withLock { $0 } }
        func lower() { value.withLock { $0 = false } }
    }

    /// Records initial usage of the scopes, and starts the clients. Called without a fault.
    init(
        on socketPaths: [String], clients count: Int = 8, scopes: LoadScopes, seed: UInt64
    ) async throws {
        let book = Bookkeeper(scopes: scopes)
        try await Self.open(scopes, on: SocketClient(.unix(path: socketPaths[0])), book: book)
        var generator = SeededGenerator(seed: seed)
        let goesOn = Flag()
        self.book = book
        self.goesOn = goesOn
        clients = (0..<count).map { number in
            let mix = OperationMix(
                scopes: scopes, name: "\(scopes.team.id)-\(number)", seed: generator.next())
            var client = LoadClient(
                socketPath: socketPaths[number % socketPaths.count], book: book, mix: mix, goesOn: { goesOn.isUp })
            return Task { await client.run() }
        }
    }

    private static func open(_ scopes: LoadScopes, on client: SocketClient, book: Bookkeeper) async throws {
        let opening = LoadScopes.opening
        for scope in scopes.users + [scopes.team] {
            let line = "RECORD \(scope.word) tokens=\(opening.tokens) cost=\(moneyText(nanos: opening.cost))"
            try await eventually { try await client.ask(line) == ["OK"] }
            book.addCertain(opening, on: [scope])
        }
    }

    /// Ends the load when all open operations have been completed. Called when the faults have ended.
    func stop() async {
        goesOn.lower()
        for client in clients { await client.value }
    }
}
