import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of the scripts against the reference model.
@Suite struct OracleTests {
    @Test("the script decides like the reference model", arguments: 1...50)
    func randomHistories(seed: Int) async throws {
        var run = OracleRun(seed: seed)
        let harness = try await LedgerHarness(policy: run.policy)
        while run.applied < 2_000 { try await run.applyBatch(of: harness) }
        try await run.compareAll(harness, in: harness.redis)
        try await harness.stop()
    }
}
