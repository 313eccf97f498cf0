import ArgumentParser
import Foundation
import TollgateBench
import TollgatePolicy
import TollgateRedis
import TollgateServer

/// The command `tollgate bench`.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure the throughput and latency of a sidecar, or of Redis.",
        discussion: """
            Sends random requests of users u0 … for tools t0 … of providers p0 …. They count like any others: use a \
            sidecar or a --namespace for tests.
            With --direct, sends one script call per request to Redis, with the limits of --policy: the best that \
            an app could do without a sidecar.
            Without --rate, each connection sends as replies arrive (closed loop). With it, requests are sent evenly spaced, \
            independent of replies, and latencies start at the intended send time (open loop).
            """)

    @OptionGroup var client: ClientOptions
    @Option(help: ArgumentHelp("Call this Redis instead of a sidecar: redis://… or unix://….", valueName: "url"))
    var direct: String?
    @Option(help: ArgumentHelp("With --direct: the policy. (default: tollgate.yaml)", valueName: "file"))
    var policy: String?
    @Option(help: ArgumentHelp("With --direct: the namespace of the keys. (default: bench)", valueName: "name"))
    var namespace: String?
    @Option(help: "Connections, over all threads.")
    var connections = 64
    @Option(help: "Unanswered requests per connection.")
    var pipeline = 16
    @Option(help: "Sending threads.")
    var threads = 1
    @Option(help: "Number of users.")
    var users = 1_000
    @Option(help: "Number of tools.")
    var tools = 20
    @Option(help: "Number of providers.")
    var providers = 4
    @Option(help: ArgumentHelp("Verbs and their weights: check, peek, record, refund.", valueName: "verb=weight,…"))
    var mix = "check=100"
    @Option(help: ArgumentHelp("The duration of the measurement. (default: 10s)", valueName: "time"))
    var duration: String?
    @Option(help: "The number of requests to measure, instead of a duration.")
    var count: Int?
    @Option(help: ArgumentHelp("The duration of the warm-up before the measurement.", valueName: "time"))
    var warmup = "1s"
    @Option(help: ArgumentHelp("Requests per second, evenly spaced (open loop).", valueName: "number"))
    var rate: Double?
    @Option(help: "The seed of the random requests.")
    var seed: UInt64 = 1

    func run() async throws {
        do {
            let report = try await Bench.run(settings()) { progress in
                StandardError.print("\(progress.answered) replies, \(progress.inLastSecond) in the last second")
            }
            print(client.json ? try report.json() : "\(report)")
            guard report.replies.error == 0 else { throw ExitCode(1) }
        } catch let error as ExitCode {
            throw error
        } catch {
            StandardError.print("\(error)")
            throw ExitCode(2)
        }
    }

    private func settings() throws -> BenchSettings {
        var settings = BenchSettings(target: try target())
        settings.connections = connections
        settings.pipeline = pipeline
        settings.threads = threads
        settings.workload.users = users
        settings.workload.tools = tools
        settings.workload.providers = providers
        settings.workload.mix = try VerbMix(parsing: mix)
        settings.workload.seed = seed
        settings.warmup = try time(warmup, "warmup")
        settings.rate = rate
        if let count {
            guard duration == nil else { throw OperatorError("--count and --duration: cannot be combined") }
            settings.extent = .count(count)
        } else if let duration {
            settings.extent = .time(try time(duration, "duration"))
        }
        return settings
    }

    private func target() throws -> BenchSettings.Target {
        guard let direct else {
            for (option, value) in [("policy", policy), ("namespace", namespace)] where value != nil {
                throw OperatorError("--\(option): requires --direct; a sidecar has its own")
            }
            return .sidecar(try client.sidecar.address(), token: try client.sidecar.token())
        }
        guard client.sidecar.connect == nil else { throw OperatorError("--direct and --connect: cannot be combined") }
        return .direct(
            try RedisAddress(direct), try PolicyFile(path: policy ?? "tollgate.yaml").load(),
            namespace: namespace ?? "bench")
    }

    private func time(_ text: String, _ option: String) throws -> Duration {
        guard let duration = Duration(setting: text) else {
            throw OperatorError("--\(option) \(text): expected a duration such as 500ms, 10s or 2m")
        }
        return duration
    }
}
