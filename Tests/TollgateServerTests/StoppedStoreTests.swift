import Testing
import TollgateLedger
import TollgateRedis
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

@Suite struct StoppedStoreTests {
    @Test("who asks a store after the sidecar has stopped is told so, and does not wait for ever")
    func stopped() async throws {
        let harness = try await ServerHarness()
        let store = try #require(harness.server.stores?.alerts)
        await harness.stop()
        await #expect(throws: StoreError.notConnected) {
            _ = try await store.redisTime()
        }
    }
}
