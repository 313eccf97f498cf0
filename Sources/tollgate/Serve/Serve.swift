import ArgumentParser
import Foundation
import Logging
import ServiceLifecycle
import TollgateCore
import TollgatePolicy
import TollgateServer
import UnixSignals

/// The command `tollgate serve`.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the sidecar.",
        discussion: """
            Without --redis, starts an embedded redis-server with its data in --data, and stops it on exit.
            Every option can also be set in the environment (--idle-timeout as TOLLGATE_IDLE_TIMEOUT) or in the file named by
            --config (as idle-timeout); an option given here comes first, then the environment, then the file.
            """
    )

    @OptionGroup var options: ServeOptions

    func run() async throws {
        OpenFiles.raiseLimit()
        let settings = try await SettingsReader(options: options).read()
        let threshold = LogThreshold(settings.logLevel)
        let logger = LineLogHandler.logger(format: settings.logFormat, threshold: threshold)
        for warning in settings.warnings { logger.warning("\(warning)") }
        let file = PolicyFile(path: settings.policyPath)
        let policy = try load(file)
        try StartCheck(settings: settings, policy: policy).run()
        for warning in policy.warnings { logger.warning("\(warning)") }
        let prices = try settings.pricePath.map { try PriceSource(path: $0, for: policy) }

        // A terminal that is closed sends SIGHUP to the programs in it, which should then end. A service manager sends it
        // for a reload.
        let isAtTerminal = isatty(STDIN_FILENO) == 1
        let run = RunLog(logger)
        let sidecar = SidecarRunner(
            settings: settings, policy: policy, policyFile: file, prices: prices, reloadsOnHangUp: !isAtTerminal,
            runLog: run, threshold: threshold, logger: logger)
        let signals: [UnixSignal] = [.sigterm, .sigint] + (isAtTerminal ? [.sighup] : [])
        try await run.recording {
            try await Self.run(ServiceGroup(services: [sidecar], logger: logger), until: signals, run)
        }
    }

    private func load(_ file: PolicyFile) throws -> Policy {
        do {
            return try file.load()
        } catch let error as OperatorError where !file.exists {
            throw OperatorError("\(error); write an example there: tollgate policy example > \(file.path)")
        }
    }

    /// Runs the services until they end, or one of the signals ends them in order.
    private static func run(_ services: ServiceGroup, until ends: [UnixSignal], _ run: RunLog) async throws {
        let signals = await UnixSignalsSequence(trapping: ends)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            group.addTask {
                for await signal in signals {
                    run.willStop("\(signal)")
                    await services.triggerGracefulShutdown()
                }
            }
            try await group.next()
            group.cancelAll()
        }
    }
}
