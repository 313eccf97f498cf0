import Foundation
import TollgateAccounts
import TollgateCore
import TollgatePolicy
import TollgateServer
import TollgateStores
import TollgateTestSupport

extension AdminHarness {
    /// Runs a body while the sidecar reads accounts, by a clock that is faster than Redis's.
    ///
    /// - Parameters:
    ///   - begun: The time at which the fast clock begins, Unix ms, which sidecars of one namespace must share.
    ///   - speed: The seconds of the fast clock in one second.
    func syncing(
        as name: String = "test:1", speed: Int64, since begun: Int64 = Int64(Date.now.timeIntervalSince1970 * 1_000),
        _ body: () async throws -> Void
    ) async throws {
        var timing = AccountSync.Timing()
        timing.tick = .milliseconds(50)
        timing.time = { begun + ($0 - begun) * speed }
        let server = server
        let sync = AccountSync(
            store: server.stores.accounts, policy: { server.policies.effective }, sidecar: name, version: "1.2.3",
            drift: DriftAlerts(
                alerts: server.stores.alerts, history: server.stores.history, policy: { server.policies.effective },
                logger: log.logger),
            timing: timing, onFigures: { server.reviewAlerts(of: $0) }, logger: log.logger)
        try await whileRunning({ await sync.run() }, body)
    }
}
