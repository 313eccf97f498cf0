import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

/// Money above 2⁵³ nano-units, where doubles are not exact.
@Suite struct LargeMoneyTests {
    static let policy = """
        defaults:
          user: { cost: { day: { max: 100, thresholds: [50] }, month: null, total: { max: 9000000, mode: shadow, thresholds: [] } } }
        """

    @Test("money above 2^53 nano-units is exact in decisions, USAGE and alerts")
    func exact() async throws {
        try await withAlertingSidecar(Self.policy) { harness, store in
            let client = try harness.client()
            // One batch, so that the alert is opened for the sum.
            _ = try await client.ask(
                "RECORD user=a cost=8999999.999999999", "RECORD user=a cost=8999999.999999999",
                "RECORD user=a cost=8999999.999999999", "RECORD user=a cost=0.000000002")
            let used = "26999999.999999999"
            #expect(try await client.ask("CHECK user=a")[0].contains(" max=100 used=\(used) remaining=0 "))
            let usage = try await client.ask("USAGE scope=user:a")[0]
            #expect(usage.components(separatedBy: #""used":"\#(used)""#).count == 4, "\(usage)")
            #expect(try await store.onlyAlert().used == 26_999_999_999_999_999)
            let replies = try await client.ask(
                "RECORD user=a cost=8999999.999999999", "REFUND user=a cost=0.000000001", "CHECK user=a",
                "RECORD user=a cost=0.000000003", "PEEK user=a")
            #expect(replies[2].contains(" used=35999999.999999997 "), "\(replies[2])")
            #expect(replies[4].contains(" used=36000000 "), "\(replies[4])")
        }
    }
}
