import Foundation
import TollgateTestSupport

/// A built sidecar with its own Redis, for tests of clients.
struct Sidecar {
    let redis: TestRedis
    let process: SidecarProcess
    let port: Int

    init(policy: String, token: String? = nil) async throws {
        redis = try TestRedis()
        let environment = token.map { ["TOLLGATE_TOKEN": $0] } ?? [:]
        process = try await SidecarProcess(
            policy: policy,
            arguments: ["--redis", "\(redis.address)", "--listen", "127.0.0.1:0", "--deadline", "10s"],
            environment: environment)
        port = try await process.port()
    }

    /// Runs `tollgate` with the Unix socket.
    func tollgate(_ words: String..., environment: [String: String] = [:]) async throws -> Command {
        try await Command.run(
            SidecarProcess.program, words,
            environment: ["TOLLGATE_CONNECT": "unix:\(process.socketPath)"].merging(environment) { $1 })
    }

    /// A count of STATUS.
    func count(_ name: String) async throws -> Int? {
        let info = try await process.client().ask("STATUS")[0]
        let value = info.split(separator: "\"\(name)\":", maxSplits: 1).dropFirst().first
        return value.flatMap { Int($0.prefix { $0.isNumber }) }
    }
}

extension SidecarProcess {
    /// The port that the system chose for `--listen 127.0.0.1:0`, from the log.
    func port() async throws -> Int {
        var port: Int?
        try await eventually {
            port = self.number(after: "127.0.0.1:")
            return port != nil
        }
        return port ?? 0
    }

    /// The process id of the redis-server that it started last.
    var redisProcess: Int32? { number(after: "pid=").map(Int32.init) }

    private func number(after mark: String) -> Int? {
        guard let place = log.range(of: mark, options: .backwards) else { return nil }
        let digits = log[place.upperBound...].prefix { $0.isNumber }
        // A line that is being written may end within the number.
        return log[digits.endIndex...].isEmpty ? nil : Int(digits)
    }
}

/// Returns whether a process exists.
func isAlive(_ process: Int32) -> Bool { kill(process, 0) == 0 }
