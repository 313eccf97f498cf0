import Foundation
import TollgateLedger
import TollgateTestSupport

/// The Redis, the files and the addresses of a sidecar that `tollgate doctor` checks. All of them are healthy.
struct DoctorSystem {
    static let policy = "defaults: { user: { requests: { 1m: 10 }, cost: { day: 5 } } }\n"

    let folder: TemporaryFolder
    let redis: TestRedis
    /// The address of `--redis`; nil for an embedded one.
    var redisAddress: String?
    /// The data folder.
    var data: String
    /// Options to add.
    var options: [String] = []
    /// What runs meanwhile, for as long as the system is used.
    var keptAlive: [Any] = []
    /// Shell commands before the program, such as `ulimit`.
    var prefix = ""

    init(redis arguments: [String] = ["--appendonly", "yes"], environment: [String: String] = [:]) throws {
        folder = try TemporaryFolder()
        redis = try TestRedis(arguments: arguments, environment: environment)
        redisAddress = "\(redis.address)"
        data = folder.path + "/data"
        try FileManager.default.createDirectory(
            atPath: data, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        try folder.write(Self.policy, to: "tollgate.yaml")
    }

    /// The options of `serve` and `doctor`.
    func arguments(listens: Bool = true) -> [String] {
        ["--data", data] + (redisAddress.map { ["--redis", $0] } ?? [])
            + (listens
                ? ["--policy", folder.path + "/tollgate.yaml", "--admin", "unix:\(folder.path)/admin.sock"] : [])
            + options
    }

    /// Runs `tollgate doctor`.
    func doctor(
        _ words: String..., listen: String? = nil, environment: [String: String] = [:]
    ) async throws -> Command {
        try await run("doctor", words, listen: listen, environment: environment)
    }

    /// Runs a command that takes the settings of `serve`.
    func run(
        _ command: String, _ words: [String], listen: String? = nil, environment: [String: String] = [:]
    ) async throws -> Command {
        let listening = options.contains("--listen") ? [] : ["--listen", listen ?? "unix:\(folder.path)/line.sock"]
        let all = [command] + arguments() + listening + words
        guard !prefix.isEmpty else {
            return try await Command.run(SidecarProcess.program, all, environment: environment)
        }
        return try await Command.run("/bin/sh", ["-c", #"\#(prefix) exec "$0" "$@""#, SidecarProcess.program] + all)
    }

    /// Leaves a journal with two waiting operations, and others that Redis has refused.
    func leaveJournal(rejected: Int = 0) async throws {
        let journal = try Journal(path: data + "/journal.sqlite", capacity: 100)
        for _ in 0..<(1 + rejected) {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                journal.append("{}", operations: 2, identity: nil) { continuation.resume(with: $0) }
            }
        }
        for record in try await journal.next(after: 0, atMost: rejected) {
            try await journal.reject(record, because: "the key has another type")
        }
        await journal.close()
    }
}
