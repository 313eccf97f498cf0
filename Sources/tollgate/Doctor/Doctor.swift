import Foundation
import NIOCore
import TollgateAdmin
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateRedis
import TollgateServer

/// Collects what `tollgate doctor` checks, and runs the checks. It reads only, and each step is bounded in time.
struct Doctor {
    /// The time limit of a step. Files can be on a disk that does not answer.
    private static let patience = Duration.seconds(15)

    let options: ServeOptions

    /// Runs all checks, in the order of the report.
    func checks() async -> [DoctorCheck] {
        let settings: Settings
        let faults: [SettingsFaults.Fault]
        do {
            (settings, faults) = try await SettingsReader(options: options).readWithFaults()
        } catch {
            let check = DoctorCheck(
                "settings", .error, "\(error)", "correct the option; all other checks need valid settings")
            return [check]
        }
        let (policyPath, pricePath, dataFolder) = (settings.policyPath, settings.pricePath, settings.dataFolder)
        let policy = await Self.bounded("policy") { PolicyFindings(policyPath, pricePath) }
        let adminToken = await Self.bounded("admin token") { FileChecks.AdminTokenState(inFolder: dataFolder) }
        let server = settings.server(redis: RedisAddress(unixSocket: "/"))
        let folder = await Self.bounded("data folder") { FolderFindings(path: dataFolder) }
        let holder = folder.value?.holder.flatMap { $0.isHeld ? $0.process : nil }
        let isInUse = folder.value?.holder?.isHeld ?? false

        var checks = policy.checks { $0.checks }
        if let policy = policy.value?.policy {
            checks += StartCheck(settings: settings, policy: policy).refusals.map {
                DoctorCheck("profile prod", .error, fromSentence: $0.sentence + " (or --allow \($0.risk.rawValue))")
            }
        }
        checks += adminToken.checks { FileChecks.others(settings, faults, $0, hasToken: server.token != nil) }
        checks += folder.checks { FolderChecks.all($0, user: geteuid()) }
        checks += await Self.journal(inFolder: settings.dataFolder).checks {
            JournalChecks.all($0, isInUse: isInUse, now: Int64(Date.now.timeIntervalSince1970 * 1_000))
        }
        checks += await redis(settings, server, policy.value)
        checks += await ports(settings, server, holder: holder, known: Set(checks.map(\.sentence)))
        return checks
    }

    // MARK: - Steps

    /// Reads the journal of a data folder. The value is nil if there is none.
    static func journal(inFolder folder: String) async -> Step<Result<JournalInspection, JournalError>?> {
        let path = folder + "/journal.sqlite"
        return await bounded("journal") {
            guard access(path, F_OK) == 0 else { return nil }
            return Result { () throws(JournalError) in try JournalInspection(path: path) }
        }
    }

    private func redis(
        _ settings: Settings, _ server: ServerSettings, _ files: PolicyFindings?
    ) async -> [DoctorCheck] {
        if let address = settings.redis { return await redis(at: address, server, files) }
        let program = await EmbeddedChecks.program()
        guard let socket = EmbeddedChecks.runningSocket(inFolder: settings.dataFolder) else {
            return [program, EmbeddedChecks.notRunning]
        }
        return await [program] + redis(at: RedisAddress(unixSocket: socket), server, files)
    }

    private func redis(
        at address: RedisAddress, _ server: ServerSettings, _ files: PolicyFindings?
    ) async -> [DoctorCheck] {
        guard let connection = await DoctorConnection(to: address) else {
            return [RedisChecks.connection(.closed, version: nil, address: address)]
        }
        var checks = [RedisChecks.connection(connection.status, version: connection.version, address: address)]
        if connection.status == .ready {
            let findings = await RedisFindings(connection, server, files?.policy)
            checks += RedisChecks.all(
                findings, namespace: server.namespace, deadline: server.deadline, digest: files?.digest)
        }
        await connection.close()
        return checks
    }

    private func ports(
        _ settings: Settings, _ server: ServerSettings, holder: Int32?, known: Set<String>
    ) async -> [DoctorCheck] {
        var found: [(address: ListenAddress, finding: PortFinding)] = []
        for address in server.listen {
            found.append((address, await finding(at: address).asked(address, token: server.token)))
        }
        let statuses = found.compactMap { item in
            if case .sidecar(let status) = item.finding, status != .null { status } else { nil }
        }
        let own = statuses.first { status in holder.map { "\($0)" == status["process_id"].text } ?? false }
        var checks = PortChecks.clients(found, holder: holder)
        for (option, address) in [("admin", settings.adminAddress), ("metrics", settings.metricsAddress)] {
            guard let address else { continue }
            checks.append(
                PortChecks.http(option, address, await finding(at: address), statuses: own.map { [$0] } ?? []))
        }
        let fitting = OpenFiles.connections(
            below: OpenFiles.limit, eventLoops: server.workers + System.coreCount + 1)
        checks.append(
            OpenFilesCheck.all(wanted: server.maxConnections, status: own, limit: OpenFiles.limit, fitting: fitting))
        if let own { checks += PortChecks.sidecar(own, at: .now, known: known) }
        return checks
    }

    /// Finds out whether an address is free. The resolution of a host name may take long.
    private func finding(at address: ListenAddress) async -> PortFinding {
        await Self.bounded("address") { PortFinding(using: address) }.value ?? .unusable(ETIMEDOUT)
    }

    // MARK: - Bounds

    /// The outcome of a step; nil if it did not end in time.
    struct Step<Value: Sendable>: Sendable {
        var name: String
        var value: Value?

        /// Returns the checks of the value, or the error of a step that did not end.
        func checks(_ body: (Value) -> [DoctorCheck]) -> [DoctorCheck] {
            value.map(body) ?? [
                DoctorCheck(name, .error, "cannot be read within 15 s", "see whether its disk answers")
            ]
        }
    }

    /// Runs a blocking body on a thread of its own, which is left behind if it does not end in time.
    private static func bounded<Value: Sendable>(
        _ name: String, _ body: @escaping @Sendable () -> Value
    ) async -> Step<Value> {
        let (values, continuation) = AsyncStream.makeStream(of: Value.self)
        Thread.detachNewThread {
            continuation.yield(body())
            continuation.finish()
        }
        let timer = Task {
            try await Task.sleep(for: patience)
            continuation.finish()
        }
        defer { timer.cancel() }
        for await value in values { return Step(name: name, value: value) }
        return Step(name: name, value: nil)
    }
}
