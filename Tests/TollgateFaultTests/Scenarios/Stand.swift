import Foundation
import TollgateRedis
import TollgateTestSupport

/// The processes of a scenario: a Redis, optionally a proxy before it, and sidecars.
///
/// Owned by the scenario's task.
final class Stand {
    struct Setup {
        var sidecars = 2
        var isProxied = false
        /// Whether Redis stores every write on disk, to survive a crash.
        var isDurable = false
        var redisArguments: [String] = []
        var redisEnvironment: [String: String] = [:]
        var policy = LoadScopes.policy
        /// Extra arguments of the sidecars' command line.
        var arguments: [String] = []
        var environment: [String: String] = [:]
    }

    let redis: TestRedis
    let proxy: FaultyProxy?
    private(set) var sidecars: [SidecarProcess] = []
    private let setup: Setup
    private let arguments: [String]
    private var recoveries = 0

    init(_ setup: Setup) async throws {
        let durable = setup.isDurable ? ["--appendonly", "yes", "--appendfsync", "always"] : []
        let redis = try await aside {
            try TestRedis(arguments: durable + setup.redisArguments, environment: setup.redisEnvironment)
        }
        self.redis = redis
        self.setup = setup
        proxy = setup.isProxied ? try await FaultyProxy(to: redis.address.endpoint) : nil
        let address = proxy.map { "redis://127.0.0.1:\($0.port)" } ?? "\(redis.address)"
        arguments = ["--redis", address] + setup.arguments
        for _ in 0..<setup.sidecars {
            sidecars.append(
                try await SidecarProcess(
                    policy: setup.policy, arguments: arguments, environment: setup.environment))
        }
    }

    var socketPaths: [String] { sidecars.map(\.socketPath) }

    /// Kills the sidecar, and waits until it has ended.
    func killSidecar(_ number: Int) async throws {
        sidecars[number].signal(SIGKILL)
        _ = try await sidecars[number].end()
    }

    /// Restarts a sidecar with the files of the ended one, and waits until it is connected to Redis.
    func startSidecar(_ number: Int) async throws {
        sidecars[number] = try await SidecarProcess(
            policy: setup.policy, arguments: arguments, environment: setup.environment,
            folder: sidecars[number].folder)
    }

    /// Returns the time until every sidecar returns a decision of Redis.
    func recover() async throws -> Duration {
        let started = ContinuousClock.now
        // For a scope without usage, so that no limit applies.
        recoveries += 1
        let question = "CHECK user=recovery\(recoveries)"
        for sidecar in sidecars {
            try await eventually(within: .seconds(20)) {
                let reply = try? await sidecar.client().ask(question)[0]
                return reply?.hasPrefix("ALLOW limit=") == true && reply?.contains("degraded=1") == false
            }
        }
        return ContinuousClock.now - started
    }

    /// Waits until no sidecar has waiting operations.
    func waitUntilDrained() async throws {
        try await eventually(within: .seconds(20)) { try await isDrained }
    }

    var isDrained: Bool {
        get async throws { try await info.allSatisfy { $0.journal.operations == 0 } }
    }

    /// The status of all sidecars.
    var info: [SidecarInfo] {
        get async throws {
            var info: [SidecarInfo] = []
            for sidecar in sidecars { info.append(try SidecarInfo(json: try await sidecar.client().ask("STATUS")[0])) }
            return info
        }
    }

    /// Returns the counters of a scope in Redis.
    func counters(of scope: LoadScope) async throws -> CounterSums {
        try await counters(of: [scope])[scope] ?? CounterSums()
    }

    /// Returns the counters of scopes in Redis.
    func counters(of scopes: [LoadScope]) async throws -> [LoadScope: CounterSums] {
        let client = try SocketClient(.unix(path: redis.socketPath))
        var counters: [LoadScope: CounterSums] = [:]
        for scope in scopes {
            try await client.send("HMGET \(scope.key) \(CounterSums.fields.joined(separator: " "))\r\n")
            let header = try await client.readLine()
            guard header == "*\(CounterSums.fields.count)" else { throw TestFailure("HMGET: \(header ?? "closed")") }
            var values: [String?] = []
            for _ in CounterSums.fields {
                values.append(try await client.readLine() == "$-1" ? nil : try await client.readLine())
            }
            counters[scope] = CounterSums(values: values)
        }
        return counters
    }

    func cli(_ arguments: String...) async throws -> String {
        let redis = redis
        return try await aside { try redis.cli(arguments) }
    }

    func stop() async throws {
        for sidecar in sidecars { _ = try await sidecar.stop() }
        try await proxy?.stop()
    }
}

/// Runs blocking code on a thread of its own.
func aside<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
    }
}
