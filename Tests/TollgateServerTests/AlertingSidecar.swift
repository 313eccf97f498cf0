import Testing
import TollgateCore
import TollgateLedger
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// Runs a sidecar that sweeps its alerts all the time.
func withAlertingSidecar(_ policy: String, _ body: (ServerHarness, AlertStore) async throws -> Void) async throws {
    try await withServer(policy: policy, adjust: { $0.alertSweep = .milliseconds(50) }) { harness in
        try await body(harness, harness.sidecar.stores.alerts)
    }
}

extension AlertStore {
    /// Waits until one alert is not resolved, and returns it.
    func onlyAlert() async throws -> Alert {
        try await eventually { try await self.active(atMost: 10).count == 1 }
        return try await active(atMost: 10)[0]
    }

    /// Waits until an alert has been resolved automatically.
    func expectResolved(_ alert: Alert, _ reason: Alert.Reason) async throws {
        try await eventually { try await self.alert(alert.id)?.state == .resolved }
        let resolved = try #require(try await self.alert(alert.id))
        #expect(resolved.reason == reason)
        #expect(resolved.resolved?.by == "auto")
    }
}
