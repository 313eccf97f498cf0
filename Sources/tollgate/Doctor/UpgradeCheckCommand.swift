import ArgumentParser
import TollgateAdmin
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateServer

/// The command `tollgate upgrade-check`.
struct UpgradeCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade-check", abstract: "Say whether this version can run beside what is there.",
        discussion: """
            Takes the settings of `tollgate serve`, and reads the layout of the keys and the function libraries in Redis, the \
            versions of the running sidecars, the journal and the policy file. Changes nothing.
            Exits 0 if this version can run, 1 if it cannot, and 2 if that cannot be told.
            """)

    @OptionGroup var options: ServeOptions

    @Flag(help: "Print JSON: one object with the checks.")
    var json = false

    func run() async throws {
        let settings: Settings
        do {
            settings = try await SettingsReader(options: options).readWithFaults().settings
        } catch {
            StandardError.print("\(error)")
            throw ExitCode(2)
        }
        let report = UpgradeReport(checks: await checks(settings))
        print(json ? report.json : report.text(on: .current))
        switch report.canRun {
        case true?: return
        case false?: throw ExitCode(1)
        case nil: throw ExitCode(2)
        }
    }

    private func checks(_ settings: Settings) async -> [UpgradeReport.Check] {
        let found = PolicyFindings(settings.policyPath, settings.pricePath)
        let journal = await Doctor.journal(inFolder: settings.dataFolder)
        let errors = found.checks.filter { $0.result == .error }
        let files = [UpgradeReport.policy(errors.map(\.sentence)), UpgradeReport.journal(journal.value)]
        let socket = EmbeddedChecks.runningSocket(inFolder: settings.dataFolder).map { RedisAddress(unixSocket: $0) }
        guard let address = settings.redis ?? socket else { return [UpgradeReport.noEmbeddedRedis] + files }
        guard let connection = await DoctorConnection(to: address) else {
            return [UpgradeReport.connection(.closed, version: nil, address: address)] + files
        }
        var checks = [UpgradeReport.connection(connection.status, version: connection.version, address: address)]
        if connection.status == .ready {
            let server = settings.server(redis: address)
            let findings = await RedisFindings(connection, server, found.policy)
            checks += UpgradeReport.redis(findings, namespace: server.namespace, digest: found.digest)
        }
        await connection.close()
        return checks + files
    }
}
