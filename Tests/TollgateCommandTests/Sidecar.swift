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
            port = self.number(after: "127.0.0.1:", within: " listen=")
            return port != nil
        }
        return port ?? 0
    }

    /// The process id of the redis-server that it started last.
    var redisProcess: Int32? { number(after: "pid=").map(Int32.init) }

    /// The last number after a text, in the rest of the line that follows another text.
    private func number(after mark: String, within beginning: String = "") -> Int? {
        // A line that is being written may end within the number.
        let lines = log.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        for line in lines.reversed() {
            guard let start = beginning.isEmpty ? line.startIndex : line.range(of: beginning)?.upperBound,
                let place = line.range(of: mark, range: start..<line.endIndex)
            else { continue }
            return Int(line[place.upperBound...].prefix { $0.isNumber })
        }
        return nil
    }
}

/// Returns whether a process exists.
func isAlive(_ process: Int32) -> Bool { kill(process, 0) == 0 }
