import ProviderFake
import Synchronization
import Testing
import TollgateAccounts
import TollgateCore
import TollgatePolicy
import TollgateProviders
import TollgateStores
import TollgateTestSupport

/// Reading accounts from their providers into Redis.
@Suite struct AccountSyncTests {
    private static let day: [AccountFigures.Item: Int64] = [
        .inputTokens: 1_000, .cacheReadTokens: 200, .cacheWriteTokens: 300, .outputTokens: 50,
    ]

    @Test("the days of the billing period and the last three are read at first", arguments: [1, 31])
    func firstReading(billingDay: Int) async throws {
        try await AccountHarness.with { harness in
            let now = harness.begun / 1_000
            try await FakeProvider.with(.daily(.anthropic, until: now, days: 70)) { fake in
                let account = harness.account("main", at: fake, .anthropic, "billing_day: \(billingDay)")
                try await harness.reading(account) {
                    try await eventually { try await harness.stored("main").state.lastSuccess != nil }
                }
                let stored = try await harness.stored("main")
                let calendar = try CalendarRules(billingDay: billingDay)
                let period = calendar.window(.month, containing: harness.begun).startsAt / 1_000
                let first = min(period - 3 * 86_400, harness.today - 3 * 86_400)
                #expect(Int64(stored.days.count) == (harness.today - first) / 86_400 + 1)
                let expected = AccountFigures(counts: Self.day, cost: try Money(parsing: "0.123456"))
                #expect(stored.days.values.allSatisfy { $0 == expected }, "\(stored.days)")
                #expect(stored.hours.values.reduce(AccountFigures(), +).counts[.outputTokens] == 50)
                #expect(stored.state.failure == nil && stored.state.failures == 0)
                #expect(stored.state.sidecar == "test:1")
            }
        }
    }

    @Test("an account that fails is logged once and stops no other; no credential is stored or logged")
    func failure() async throws {
        try await AccountHarness.with { harness in
            let now = harness.begun / 1_000
            try await FakeProvider.with(.daily(.openai, until: now, days: 5)) { fake in
                try harness.folder.write("sk-other-secret-credential-1234567890\n", to: "wrong")
                let wrong = "credential_file: \(harness.folder.path)/wrong"
                try await harness.reading(
                    harness.account("a", at: fake, .openai, wrong), harness.account("b", at: fake, .openai),
                    harness.account("c", at: fake, .openai, "credential_file: /nonexistent/key"),
                    harness.account("d", at: fake, .openai, "credential_env: TOLLGATE_TEST_NO_SUCH_VARIABLE"),
                    speed: 120
                ) {
                    try await eventually { try await harness.stored("a").state.failures >= 2 }
                    try await eventually { try await harness.stored("b").state.lastSuccess != nil }
                    try await eventually { try await harness.stored("d").state.failure != nil }
                }
                let (a, b) = (try await harness.stored("a"), try await harness.stored("b"))
                #expect(a.state.failure?.sentence.hasPrefix("unauthorized") == true)
                #expect(a.days.isEmpty && a.state.lastSuccess == nil, "no figures are not figures of 0")
                #expect(b.days.count >= 4 && b.state.failure == nil)
                #expect(b.days.filter { $0.value.counts[.requests] == 2 }.count == 5, "\(b.days)")
                #expect(
                    try await harness.stored("c").state.failure?.sentence
                        == "unusable settings: credential_file /nonexistent/key: does not exist")
                #expect(
                    try await harness.stored("d").state.failure?.sentence
                        == "unusable settings: credential_env TOLLGATE_TEST_NO_SUCH_VARIABLE: is not set in the environment of the sidecar"
                )
                let lines = harness.log.text.split(separator: "\n")
                #expect(lines.count { $0.contains("cannot be read") && $0.contains("account=a") } == 1, "\(lines)")
                for text in [harness.log.text, try harness.everything()] {
                    #expect(!text.contains("sk-other-secret") && !text.contains(FakeProvider.credential))
                }
            }
        }
    }

    @Test("figures of another provider or part of the organization are not those of a changed account")
    func changedAccount() async throws {
        try await AccountHarness.with { harness in
            let now = harness.begun / 1_000
            try await FakeProvider.with(.daily(.openai, until: now, days: 40)) { fake in
                try await harness.reading(harness.account("main", at: fake, .openai)) {
                    try await eventually { try await harness.stored("main").state.lastSuccess != nil }
                }
                let old = try await harness.stored("main")
                let file = "credential_file=\(harness.folder.path)/key"
                #expect(old.state.subject == "openai \(file)" && old.days.values.contains { $0.counts[.requests] == 2 })
                // Anthropic reports no requests. Two minutes later, the account may be read again.
                let changed = harness.account("main", at: fake, .anthropic, "workspace_ids: [w1]")
                fake.fail(.status(500), times: 1)
                try await harness.reading(changed, speed: 240) {
                    try await eventually { try await harness.stored("main").state.failure != nil }
                    #expect(
                        try await harness.stored("main").state.subject == "openai \(file)", "it still has its figures")
                    try await eventually { try await harness.stored("main").state.lastSuccess != nil }
                }
                let new = try await harness.stored("main")
                #expect(new.state.subject == "anthropic \(file) workspace_ids=w1")
                #expect(new.days.values.allSatisfy { $0.counts[.requests] == nil }, "\(new.days)")
                #expect(new.days.count == old.days.count)
            }
        }
    }

    @Test("late figures replace those of the last three days, and earlier days stay")
    func lateFigures() async throws {
        try await AccountHarness.with { harness in
            let now = harness.begun / 1_000
            try await FakeProvider.with(.daily(.anthropic, until: now, days: 40)) { fake in
                let account = harness.account("main", at: fake)
                try await harness.reading(account, speed: 120) {
                    try await eventually { try await harness.stored("main").state.lastSuccess != nil }
                    let old = try await harness.stored("main")
                    fake.change { books in
                        for index in books.usage.indices { books.usage[index].output = 77 }
                    }
                    try await eventually {
                        try await harness.stored("main").days.values.contains { $0.counts[.outputTokens] == 77 }
                    }
                    let new = try await harness.stored("main")
                    let changed = new.days.filter { $0.value.counts[.outputTokens] == 77 }.keys.sorted()
                    #expect(changed == new.days.keys.sorted().suffix(4))
                    #expect(new.days.count == old.days.count)
                }
            }
        }
    }

    @Test("one sidecar reads at a time, each account at most once a minute, and another takes over within 10 s")
    func lease() async throws {
        try await AccountHarness.with { harness in
            let now = harness.begun / 1_000
            try await FakeProvider.with(.daily(.openrouter, until: now, days: 5)) { fake in
                // A sidecar that has been killed: its lease is not renewed.
                let reply = try await harness.store.lease(for: "killed", milliseconds: 6_000)
                #expect(reply.isHeld && !reply.wasHeld)
                let account = harness.account("main", at: fake, .openrouter)
                let start = ContinuousClock.now
                try await harness.reading(account, by: "one") {
                    try await harness.reading(account, by: "two") {
                        try await harness.reading(account, by: "three") {
                            try await eventually { try await harness.stored("main").state.lastSuccess != nil }
                            #expect(ContinuousClock.now - start < .seconds(10))
                            try await harness.looks(60)
                        }
                    }
                }
                #expect(fake.requests.count == 1)
                // The last one has released the lease: the next takes it at once, and keeps to the schedule.
                try await harness.reading(account, by: "four") {
                    try await eventually { harness.log.text.contains("sidecar=four") }
                    try await harness.looks(10)
                }
                #expect(fake.requests.count == 1)
            }
        }
    }

    @Test("a requested reading comes once a minute has passed since the last one")
    func requested() async throws {
        try await AccountHarness.with { harness in
            let now = harness.begun / 1_000
            try await FakeProvider.with(.daily(.openrouter, until: now, days: 5)) { fake in
                let account = harness.account("main", at: fake, .openrouter, "sync: 24h")
                try await harness.reading(account, speed: 60) {
                    try await eventually { try await harness.stored("main").state.lastSuccess != nil }
                    try await harness.store.requestReading(of: "main")
                    #expect(try await harness.stored("main").state.isRequested)
                    let first = try #require(try await harness.stored("main").state.lastAttempt)
                    try await eventually { try await harness.stored("main").state.lastAttempt != first }
                    #expect(try await !harness.stored("main").state.isRequested)
                    let second = try #require(try await harness.stored("main").state.lastAttempt)
                    #expect(second - first >= 60_000)
                    try await eventually { fake.requests.count == 2 }
                    try await harness.looks(10)
                    #expect(fake.requests.count == 2)
                }
            }
        }
    }

    @Test("a sidecar that ends in a reading leaves the pause after it to the next one")
    func endedInReading() async throws {
        try await AccountHarness.with { harness in
            let now = harness.begun / 1_000
            try await FakeProvider.with(.daily(.openrouter, until: now, days: 5)) { fake in
                fake.fail(.hang, times: 1)
                let account = harness.account("main", at: fake, .openrouter)
                try await harness.reading(account, by: "one") { try await eventually { fake.requests.count == 1 } }
                let attempt = try #require(try await harness.stored("main").state.lastAttempt)
                try await harness.reading(account, by: "two") {
                    try await eventually { harness.log.text.contains("sidecar=two") }
                    try await harness.looks(20)
                    #expect(fake.requests.count == 1)
                }
                try await harness.reading(account, by: "three", speed: 240) {
                    try await eventually { try await harness.stored("main").state.lastSuccess != nil }
                }
                let success = try #require(try await harness.stored("main").state.lastAttempt)
                #expect(success - attempt >= 60_000)
            }
        }
    }

    @Test(
        "after a change of the billing day, the new period is read from its beginning, and counts as soon as it has been"
    )
    func changedBillingDay() async throws {
        try await AccountHarness.with { harness in
            let now = harness.begun / 1_000
            try await FakeProvider.with(.daily(.openai, until: now, days: 40)) { fake in
                func figure() throws -> String {
                    try harness.redis.cli("HGET", "tollgate:account:main", "tokens/month.provider")
                }
                // 1 550 tokens a day, on the 14th and the 15th.
                try await harness.reading(harness.account("main", at: fake, .openai, "billing_day: 14")) {
                    try await eventually { try figure().hasPrefix("3100 ") }
                }
                fake.fail(.hang)
                let changed = harness.account("main", at: fake, .openai, "billing_day: 1\n    sync: 24h")
                try await harness.reading(changed, speed: 120) {
                    try await eventually { try figure().isEmpty }
                    fake.heal()
                    try await eventually(within: .seconds(30)) { try figure().hasPrefix("\(15 * 1_550) ") }
                }
            }
        }
    }
}
