import ProviderFake
import Testing
import TollgateAccounts
import TollgateCore
import TollgateProviders
import TollgateStores
import TollgateTestSupport

/// Alerts about accounts whose usage differs from their providers' figures.
@Suite struct DriftAlertTests {
    /// Our usage of an account on days of November 2026, as much as the fake's if nothing is given.
    private func record(
        _ days: ClosedRange<Int>, of id: String = "main", tokens: Int64 = 1_550, cost: Int64 = 123_456_000,
        _ harness: AccountHarness
    ) throws {
        for day in days {
            let key = "tollgate:account:\(id):day:2026-11-\(day < 10 ? "0" : "")\(day)"
            try harness.redis.cli("HSET", key, "tokens", "\(tokens)", "cost", "\(cost)", "calls", "2")
        }
    }

    private func events(_ harness: AccountHarness) async throws -> [String] {
        try await harness.alerts.stream.entries(after: "0", atMost: 100).map {
            "\($0.event.rawValue) \($0.alert.scope) \($0.alert.periodID ?? "")"
        }
    }

    @Test("one alert of two sidecars opens for a day, and is resolved when the provider corrects its figures")
    func correction() async throws {
        try await AccountHarness.with { harness in
            let fake = try await FakeProvider.start(.daily(.anthropic, until: harness.begun / 1_000, days: 40))
            let account = harness.account("main", at: fake)
            try record(9...13, harness)
            try record(14...14, tokens: 1_400, harness)
            let id = Alert.driftID(
                of: try Scope(parsing: "account:main"), on: try #require(UTCDay(parsing: "2026-11-14")))
            for sidecar in ["one", "two"] {
                try await harness.reading(account, by: sidecar, speed: 120) {
                    let before = try await harness.stored("main").state.lastSuccess
                    try await eventually { try await harness.alerts.alert(id) != nil }
                    try await eventually { try await harness.stored("main").state.lastSuccess != before }
                }
            }
            let alert = try #require(try await harness.alerts.alert(id))
            #expect(alert.kind == .drift && alert.meter == .tokens && alert.severity == .warning)
            #expect(alert.used == 1_400 && alert.max == 1_550 && alert.threshold == 5 && alert.state == .open)
            #expect(try await events(harness) == ["opened account:main 2026-11-14"])
            #expect(harness.log.text.split(separator: "\n").count { $0.contains("differs from the provider's") } == 1)
            fake.change { books in
                for index in books.usage.indices { books.usage[index].uncached = 850 }
            }
            try record(12...13, tokens: 1_400, harness)
            try await harness.reading(account, by: "three", speed: 120) {
                try await eventually { try await harness.alerts.alert(id)?.state == .resolved }
            }
            let resolved = try #require(try await harness.alerts.alert(id))
            #expect(resolved.reason == .corrected && resolved.resolved?.by == "auto")
            #expect(
                try await events(harness) == ["opened account:main 2026-11-14", "resolved account:main 2026-11-14"])
            await fake.stop()
        }
    }

    @Test("the cost alone can drift; both give one alert; a day that is past another threshold gives none")
    func meters() async throws {
        try await AccountHarness.with { harness in
            let fake = try await FakeProvider.start(.daily(.openai, until: harness.begun / 1_000, days: 40))
            try record(8...14, of: "a", harness)
            try record(12...12, of: "a", cost: 100_000_000, harness)
            try record(13...13, of: "a", tokens: 1_000, cost: 50_000_000, harness)
            try record(14...14, of: "a", tokens: 1_300, harness)
            let accounts = harness.account("a", at: fake, .openai)
            try await harness.reading(accounts, speed: 120, policy: "drift_threshold: 17") {
                try await eventually { try await harness.alerts.active(atMost: 10).count == 2 }
                let first = try await harness.stored("a").state.lastSuccess
                try await eventually { try await harness.stored("a").state.lastSuccess != first }
            }
            let alerts = try await harness.alerts.active(atMost: 10).sorted { $0.id < $1.id }
            #expect(alerts.map(\.periodID) == ["2026-11-12", "2026-11-13"])
            #expect(alerts.map(\.meter) == [.cost, .cost] && alerts.allSatisfy { $0.threshold == 17 })
            #expect(alerts.first?.usedText == "0.1" && alerts.first?.maxText == "0.123456")
            try await harness.reading(accounts, by: "other", speed: 120, policy: "drift_threshold: 50") {
                try await eventually { try await harness.alerts.active(atMost: 10).count == 1 }
            }
            #expect(try await harness.alerts.alert(alerts[0].id)?.reason == .limitRaised)
            await fake.stop()
        }
    }

    @Test("no alert opens for the first day of usage, for days without one side, or for a cost in another currency")
    func none() async throws {
        try await AccountHarness.with { harness in
            let fake = try await FakeProvider.start(.daily(.anthropic, until: harness.begun / 1_000, days: 40))
            // Usage begins in the middle of a day. The account b has none at all.
            try record(13...13, of: "a", tokens: 700, cost: 1, harness)
            try record(14...14, of: "a", cost: 1, harness)
            try await harness.reading(
                harness.account("a", at: fake), harness.account("b", at: fake), speed: 120, policy: "currency: EUR"
            ) {
                for id in ["a", "b"] {
                    try await eventually { try await harness.stored(id).state.lastSuccess != nil }
                    let first = try await harness.stored(id).state.lastSuccess
                    try await eventually { try await harness.stored(id).state.lastSuccess != first }
                }
            }
            #expect(try await events(harness).isEmpty)
            // In US dollars, the cost of the second day drifts.
            try await harness.reading(harness.account("a", at: fake), speed: 120) {
                try await eventually { try await events(harness) == ["opened account:a 2026-11-14"] }
            }
            await fake.stop()
        }
    }
}
