import Testing
import TollgateLedger
import TollgateRedis
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

@Suite struct StoppedStoreTests {
    @Test("a call of a store after the shutdown fails at once")
    func stopped() async throws {
        let harness = try await ServerHarness()
        let store = harness.sidecar.stores.alerts
        await harness.stop()
        await #expect(throws: StoreError.notConnected) {
            _ = try await store.redisTime()
        }
    }
}
