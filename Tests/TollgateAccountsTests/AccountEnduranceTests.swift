import ProviderFake
import Testing
import TollgateCore
import TollgateProviders
import TollgateStores
import TollgateTestSupport

/// Accounts at faulty providers over a longer time.
@Suite struct AccountEnduranceTests {
    @Test("3 sidecars, 5 accounts, 20 minutes of virtual time, a fault at every second attempt: the totals are exact")
    func faults() async throws {
        try await AccountHarness.with { harness in
            let now = harness.begun / 1_000
            let kinds: [ProviderKind] = [.anthropic, .openai, .anthropic, .openai, .anthropic]
            var fakes: [FakeProvider] = []
            for kind in kinds { fakes.append(try await FakeProvider.start(.daily(kind, until: now + 1_300, days: 40))) }
            let accounts = zip(kinds, fakes).enumerated().map { harness.account("a\($0)", at: $1.1, $1.0) }.joined()
            let faults: [FakeFault] = [
                .status(500), .status(529), .status(429, retryAfter: "90"), .status(429), .cut, .body("{"),
                .status(403), .samePage,
            ]
            try await harness.reading(accounts, by: "one", speed: 60) {
                try await harness.reading(accounts, by: "two", speed: 60) {
                    try await harness.reading(accounts, by: "three", speed: 60) {
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            for (index, fake) in fakes.enumerated() {
                                group.addTask {
                                    for round in 0..<18 {
                                        let before = fake.readings
                                        if round % 2 == 0 {
                                            fake.fail(faults[(round / 2 + index) % faults.count], times: 1)
                                        }
                                        try await eventually { fake.readings > before }
                                        fake.change { books in books.usage[0].output += 1 }
                                    }
                                }
                            }
                            try await group.waitForAll()
                        }
                        for fake in fakes { fake.heal() }
                        let last = fakes.map { fake in
                            var output: Int64 = 0
                            fake.change { output = $0.usage[0].output }
                            return output
                        }
                        for (index, output) in last.enumerated() {
                            try await eventually {
                                let stored = try await harness.stored("a\(index)")
                                let today = stored.days.keys.sorted().last.flatMap { stored.days[$0] }
                                return today?.counts[.outputTokens] == output
                            }
                        }
                    }
                }
            }
            for (index, fake) in fakes.enumerated() {
                let stored = try await harness.stored("a\(index)")
                #expect(stored.days.values.allSatisfy { $0.cost?.description == "0.123456" })
                let readings = fake.readings
                let minutes = (try #require(stored.state.lastAttempt) - harness.begun) / 60_000
                #expect(readings >= 18 && Int64(readings) <= minutes + 1, "\(readings) readings in \(minutes) minutes")
                await fake.stop()
            }
        }
    }
}

extension FakeProvider {
    /// The number of readings so far. Each begins with the hours of today.
    fileprivate var readings: Int { requests.count { $0["bucket_width"] == "1h" && $0["page"] == nil } }
}
