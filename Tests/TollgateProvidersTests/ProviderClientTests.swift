import ProviderFake
import Testing
import TollgateCore

@testable import TollgateProviders

/// Reading usage from the fake provider.
@Suite("Reading usage")
struct ProviderClientTests {
    @Test("days, hours and costs are those of the provider, across a month", arguments: 1...4 as ClosedRange<UInt64>)
    func figures(seed: UInt64) async throws {
        let random = RandomBooks(seed: seed)
        try await ProviderHarness.with(books: random.books) { harness in
            for (kind, decimals) in [(ProviderKind.anthropic, 7), (.openai, 9)] {
                let usage = try await harness.usage(kind)
                #expect(usage.days.count == 12 && usage.quotas.isEmpty)
                for (day, figures) in usage.days {
                    var expected = random.figures(
                        day.start..<day.start + 86_400, countsRequests: kind == .openai)
                    expected.cost = random.cost(day, decimals: decimals)
                    #expect(figures == expected, "seed \(seed), \(kind), \(day)")
                }
                #expect(usage.hours.keys.sorted() == (0..<10).map { ProviderHarness.today.start + $0 * 3_600 })
                for (hour, figures) in usage.hours {
                    let expected = random.figures(hour..<hour + 3_600, countsRequests: kind == .openai)
                    #expect(figures == expected, "seed \(seed), \(kind), \(hour)")
                }
            }
        }
    }

    @Test("many days are read in pages", arguments: [ProviderKind.anthropic, .openai])
    func pages(kind: ProviderKind) async throws {
        try await ProviderHarness.with(books: RandomBooks(seed: 7).books) { harness in
            let all =
                UTCDay(number: ProviderHarness.today.number - 99)..<UTCDay(number: ProviderHarness.today.number + 1)
            let usage = try await harness.usage(kind, days: all)
            #expect(usage.days.count == 100)
            let recent = try await harness.usage(kind)
            #expect(usage.days.filter { ProviderHarness.days.contains($0.key) } == recent.days)
            let paged = harness.fake.requests.filter { $0["page"] != nil }
            // 31 days a page; 180 of OpenAI's costs.
            #expect(paged.count == (kind == .anthropic ? 6 : 3))
        }
    }

    @Test("figures that the provider changes later are read again")
    func lateChange() async throws {
        let random = RandomBooks(seed: 3)
        try await ProviderHarness.with(books: random.books) { harness in
            let before = try await harness.usage(.openai)
            let day = ProviderHarness.days.lowerBound
            harness.fake.change {
                $0.usage.append(.init(hour: day.start + 3_600, uncached: 1_000, output: 5, requests: 2))
                $0.costs.append(.init(day: day.start, amount: "1.2e-05"))
            }
            let after = try await harness.usage(.openai)
            var expected = try #require(before.days[day])
            expected.inputTokens = expected.inputTokens.map { $0 + 1_000 }
            expected.outputTokens = expected.outputTokens.map { $0 + 5 }
            expected.requests = expected.requests.map { $0 + 2 }
            #expect(after.days[day]?.inputTokens == expected.inputTokens)
            #expect(
                after.days[day]?.outputTokens == expected.outputTokens && after.days[day]?.requests == expected.requests
            )
            #expect(after.days[day]?.cost != before.days[day]?.cost)
            #expect(after.days.filter { $0.key != day } == before.days.filter { $0.key != day })
        }
    }

    @Test("filters choose workspaces and projects")
    func filters() async throws {
        var books = FakeBooks(now: ProviderHarness.now)
        let start = ProviderHarness.days.lowerBound.start
        for (project, amount) in [("p_1", "1"), ("p_2", "20"), (nil, "300")] {
            books.usage.append(
                .init(hour: start, project: project, apiKey: "k", uncached: Int64(amount) ?? 0, output: 0))
            books.costs.append(.init(day: start, project: project, apiKey: "k", amount: amount))
        }
        try await ProviderHarness.with(books: books) { harness in
            func day(_ kind: ProviderKind, _ filters: ProviderFilters) async throws -> ProviderFigures? {
                try await harness.usage(kind, filters: filters).days[ProviderHarness.days.lowerBound]
            }
            let workspaces = try await day(.anthropic, .init(workspaceIDs: ["p_1", "p_2"]))
            #expect(workspaces?.inputTokens == 21 && workspaces?.cost == Money(nanos: 210_000_000))
            let projects = try await day(.openai, .init(projectIDs: ["p_1", "p_2"]))
            #expect(projects?.inputTokens == 21 && projects?.cost == Money(nanos: 21_000_000_000))
            let keys = try await day(.openai, .init(projectIDs: ["p_2"], apiKeyIDs: ["k", "other"]))
            #expect(keys?.inputTokens == 20 && keys?.cost == Money(nanos: 20_000_000_000))
            // Anthropic's costs are not known by key.
            let key = try await day(.anthropic, .init(apiKeyIDs: ["k"]))
            #expect(key?.inputTokens == 321 && key?.cost == nil)
        }
    }

    @Test("a day without usage is zero, a day that is not reported is missing, and a cost without rows is nil")
    func noData() async throws {
        try await ProviderHarness.with { harness in
            for kind in [ProviderKind.anthropic, .openai] {
                let usage = try await harness.usage(kind)
                #expect(
                    usage.days.count == 12 && usage.days.values.allSatisfy { $0.inputTokens == 0 && $0.cost == nil })
            }
            harness.fake.fail(.body(#"{"data":[],"has_more":false,"next_page":null}"#))
            let usage = try await harness.usage(.openai)
            #expect(usage == ProviderUsage())
        }
    }

    @Test("days after today are left out, and no days are no request for days")
    func ranges() async throws {
        try await ProviderHarness.with(books: RandomBooks(seed: 5).books) { harness in
            let future = UTCDay(number: ProviderHarness.today.number)..<UTCDay(number: ProviderHarness.today.number + 9)
            #expect(try await harness.usage(.openai, days: future).days.keys.map { $0 } == [ProviderHarness.today])
            let count = harness.fake.requests.count
            let none =
                UTCDay(number: ProviderHarness.today.number + 5)..<UTCDay(number: ProviderHarness.today.number + 9)
            let usage = try await harness.usage(.anthropic, days: none)
            #expect(usage.days.isEmpty && usage.hours.count == 10)
            #expect(harness.fake.requests.count == count + 1)
            let failure = await #expect(throws: ProviderFailure.self) {
                try await harness.usage(.openai, days: UTCDay(number: 0)..<UTCDay(number: 400))
            }
            #expect(failure?.kind == .badRequest)
        }
    }

    @Test("OpenRouter's keys say today's cost, and management keys the closed days")
    func openRouter() async throws {
        let random = RandomBooks(seed: 9)
        try await ProviderHarness.with(books: random.books) { harness in
            harness.fake.change {
                $0.key.daily = "1.2e-05"
                $0.key.limit = "10"
                $0.key.remaining = "2.5"
                $0.key.reset = "daily"
            }
            let usage = try await harness.usage(.openrouter)
            #expect(usage.days == [ProviderHarness.today: ProviderFigures(cost: Money(nanos: 12_000))])
            #expect(usage.quotas.map(\.remaining) == [2_500_000_000])
            harness.fake.change { $0.key.isManagementKey = true }
            let days = try await harness.usage(.openrouter).days
            #expect(days.count == 11 && days[ProviderHarness.today] == nil)
            for (day, figures) in days {
                let all = random.figures(day.start..<day.start + 86_400, countsRequests: true)
                let input = [all.inputTokens, all.cacheReadTokens, all.cacheWriteTokens].reduce(0) { $0 + ($1 ?? 0) }
                #expect(figures.inputTokens == input && figures.outputTokens == all.outputTokens)
                #expect(figures.requests == all.requests && figures.cacheReadTokens == nil)
                #expect(figures.cost == random.cost(day, decimals: 9) ?? Money(nanos: 0))
            }
        }
    }

    @Test("GitHub's resources are quotas")
    func gitHub() async throws {
        var books = FakeBooks(now: ProviderHarness.now)
        books.quotas = [.init(name: "core", limit: 5_000, used: 10, reset: 1_796_120_000)]
        try await ProviderHarness.with(books: books) { harness in
            let usage = try await harness.usage(.github)
            #expect(
                usage.quotas == [
                    ProviderQuota(
                        name: "core", unit: .requests, limit: 5_000, used: 10, remaining: 4_990, resetsAt: 1_796_120_000
                    )
                ])
            #expect(harness.fake.requests.map { $0.headers["user-agent"] } == ["Tollgate/1.2.3"])
        }
    }
}
