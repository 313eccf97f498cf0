import Foundation
import ProviderFake
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateAdmin

/// Alerts about accounts whose providers fail and whose reader changes.
@Suite("Alerts about accounts")
struct AccountAlertTests {
    private static let speed: Int64 = 120
    private static let faults: [FakeFault] = [
        .status(500), .status(429, retryAfter: "60"), .cut, .body("{"), .samePage,
    ]
    /// The share of the limit in percent at each stage, and the threshold that it reaches.
    private static let stages: [(percent: Int64, threshold: Int)] = [(82, 80), (91, 90), (96, 95), (101, 100)]

    @Test("3 sidecars, 5 accounts, faults at every second attempt: each alert once, none missing, all resolved")
    func endurance() async throws {
        let now = Int64(Date.now.timeIntervalSince1970)
        var fakes: [FakeProvider] = []
        for _ in 0..<5 {
            var books = FakeBooks(now: now + 86_400)
            books.usage = [.init(hour: now / 86_400 * 86_400, uncached: 0, output: 100)]
            fakes.append(try await FakeProvider.start(books))
        }
        let folder = try TemporaryFolder()
        try folder.write(FakeProvider.credential, to: "key")
        // No billing period ends while the clock of the accounts runs ahead.
        let day = Calendar(identifier: .gregorian).component(.day, from: .now)
        let policy = fakes.enumerated().reduce("accounts:\n") { text, fake in
            text + """
                  a\(fake.offset):
                    provider: openai
                    credential_file: \(folder.path)/key
                    base_url: \(fake.element.url)
                    billing_day: \(day > 14 ? day - 13 : day + 14)
                    limits: { tokens: { month: 1000 } }

                """
        }
        try await withAdmin(policy: policy) { first in
            try await withAdmin(policy: policy, redis: first.redis) { second in
                try await withAdmin(policy: policy, redis: first.redis) { third in
                    let begun = now * 1_000
                    try await third.syncing(as: "three", speed: Self.speed, since: begun) {
                        try await second.syncing(as: "two", speed: Self.speed, since: begun) {
                            // The reader leaves after two stages, and another one takes over.
                            try await first.syncing(as: "one", speed: Self.speed, since: begun) {
                                for stage in Self.stages[0..<2] { try await pass(stage, fakes, first) }
                            }
                            for stage in Self.stages[2...] { try await pass(stage, fakes, third) }
                        }
                        for fake in fakes { fake.change { $0.usage[0].output = 700 } }
                        try await eventually(within: .seconds(40)) {
                            try await third.ask("GET", "/v1/alerts?state=open")["items"]?.items?.isEmpty == true
                        }
                    }
                    // What receivers were notified of.
                    let events = try first.redis.cli("XRANGE", "tollgate:{alerts}:deliveries", "-", "+")
                        .split(separator: "\n")
                    #expect(events.count { $0 == "opened" } == 5 * Self.stages.count)
                    #expect(events.count { $0 == "resolved" } == 5 * Self.stages.count)
                    #expect(events.count { $0.contains(#""reason":"corrected""#) } == 5 * Self.stages.count)
                }
            }
        }
        for fake in fakes { await fake.stop() }
    }

    /// Lets all accounts reach a stage, and waits for its alerts.
    private func pass(
        _ stage: (percent: Int64, threshold: Int), _ fakes: [FakeProvider], _ harness: AdminHarness
    ) async throws {
        for (index, fake) in fakes.enumerated() {
            fake.fail(Self.faults[(index + stage.threshold / 5) % Self.faults.count], times: 1)
            fake.change { $0.usage[0].output = stage.percent * 10 }
        }
        for index in fakes.indices {
            try await eventually(within: .seconds(40)) {
                let alerts = try await harness.ask("GET", "/v1/alerts?scope=account:a\(index)&state=open")
                return alerts.text.contains(#""threshold":\#(stage.threshold),"#)
            }
        }
    }
}
