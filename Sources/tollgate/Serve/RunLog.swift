import Logging
import ServiceLifecycle
import Synchronization
import TollgateCore
import TollgatePolicy
import TollgateServer

/// Logs the run of a sidecar: one line when all of it listens, and one at the end. Usable from any task.
final class RunLog: Sendable {
    private struct State {
        var hasStarted = false
        var reason: String?
    }

    private let logger: Logger
    private let began = ContinuousClock.now
    private let state = Mutex(State())

    init(_ logger: Logger) {
        self.logger = logger
    }

    /// Logs the start.
    func started(_ metadata: Logger.Metadata) {
        state.withLock { $0.hasStarted = true }
        logger.info("tollgate started", metadata: metadata)
    }

    /// Records why the sidecar stops. The first reason counts.
    func willStop(_ reason: String) {
        state.withLock { $0.reason = $0.reason ?? reason }
    }

    /// Runs a body, and logs its end with the reason. An error before the start is thrown only, as the command prints
    /// it.
    func recording(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            willStop("\(error)")
            if state.withLock({ $0.hasStarted }) { logEnd(.error) }
            throw error
        }
        logEnd(.info)
    }

    private func logEnd(_ level: Logger.Level) {
        let reason = state.withLock { $0.reason } ?? "all of its parts have ended"
        let seconds = (ContinuousClock.now - began).components.seconds
        logger.log(
            level: level, "tollgate stopped",
            metadata: ["reason": "\(reason)", "ran": "\(StatusText.duration(seconds))"])
    }
}

/// Reports the start of a sidecar once all of it listens: to the service manager and in the log.
struct StartReport: Service {
    /// The time that the line waits for Redis's version.
    private static let redisVersionTimeout = Duration.seconds(2)

    let sidecar: Sidecar
    /// The address of Redis, without secrets.
    let redis: String
    let hasAdmin: Bool
    let hasMetrics: Bool
    let policyFile: String
    let runLog: RunLog
    /// Returns the text for standard error, beside the log; nil for none.
    var guide: @Sendable () -> String? = { nil }

    func run() async {
        await cancelWhenGracefulShutdown {
            for await _ in sidecar.addresses.changes where isListening { break }
            guard isListening else { return }
            ServiceManager.notifyReady()
            runLog.started(await metadata())
            if let text = guide() { StandardError.prompt(text) }
        }
        // The end of a service would stop the sidecar.
        try? await gracefulShutdown()
    }

    private var isListening: Bool {
        !sidecar.addresses.line.isEmpty && (!hasAdmin || sidecar.addresses.admin != nil)
            && (!hasMetrics || sidecar.addresses.metrics != nil)
    }

    private func metadata() async -> Logger.Metadata {
        let policy = sidecar.policies.file
        let version = await redisVersion()
        var metadata: Logger.Metadata = [
            "version": "\(Version.current)", "policy": "\(policyFile)", "digest": "\(sidecar.activePolicy.digest)",
            "kinds": "\(Self.kinds(of: policy))", "limits": "\(Self.limits(of: policy).reduce(0) { $0 + $1.count })",
            "listen": "\(sidecar.addresses.line.map(\.description).joined(separator: " "))",
            "admin": "\(sidecar.addresses.admin?.description ?? "off")", "redis": "\(redis)",
            "redis_version": "\(version ?? "unknown")",
        ]
        if let metrics = sidecar.addresses.metrics { metadata["metrics"] = "\(metrics)" }
        if let commit = Version.commit { metadata["commit"] = "\(commit)" }
        return metadata
    }

    /// The version of Redis. Waits a moment for the connection, which begins at the same time.
    private func redisVersion() async -> String? {
        let deadline = ContinuousClock.now + Self.redisVersionTimeout
        while true {
            let version = await sidecar.redisVersion
            guard version == nil, ContinuousClock.now < deadline,
                (try? await Task.sleep(for: .milliseconds(20))) != nil
            else { return version }
        }
    }

    // MARK: - Limits

    /// The numbers of limits by the kinds that they count, `user 3, user+tool 1`; `none` without limits.
    static func kinds(of policy: Policy) -> String {
        var counts: [String: Int] = [:]
        for (kind, count) in limits(of: policy) { counts[kind, default: 0] += count }
        let names = counts.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
        return names.isEmpty ? "none" : PolicyChanges.text(of: names)
    }

    private static func limits(of policy: Policy) -> [(kind: String, count: Int)] {
        policy.defaults.map { ("\($0.key)", $0.value.count) } + policy.scopes.map { ("\($0.key.kind)", $0.value.count) }
            + policy.tiers.values.map { ("user", $0.tier.limits.count) }
    }
}
