import AsyncHTTPClient
import NIOPosix
import ProviderFake
import TollgateCore
import TollgateProviders

/// A fake provider and a client of it.
struct ProviderHarness: Sendable {
    /// 2026-12-01T09:30:00Z, so that the last days are of two months.
    static let now: Int64 = 1_796_117_400
    /// 2026-11-20 … 2026-12-01.
    static let days = UTCDay(number: 20_777)..<UTCDay(number: 20_789)
    static let today = UTCDay(number: 20_788)

    let fake: FakeProvider
    let http: HTTPClient
    let client: ProviderClient

    static func with(
        bounds: ProviderBounds = ProviderBounds(), books: FakeBooks = FakeBooks(now: now),
        isolation: isolated (any Actor)? = #isolation, _ body: (ProviderHarness) async throws -> Void
    ) async throws {
        try await FakeProvider.with(books) { fake in
            let http = HTTPClient(
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
                configuration: ProviderClient.configuration(bounds))
            let harness = ProviderHarness(
                fake: fake, http: http, client: ProviderClient(http: http, version: "1.2.3", bounds: bounds))
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(harness))
            } catch {
                result = .failure(error)
            }
            try await http.shutdown()
            try result.get()
        }
    }

    func access(
        _ kind: ProviderKind, filters: ProviderFilters = ProviderFilters(), key: String = FakeProvider.credential
    ) throws -> ProviderAccess {
        guard let credential = ProviderCredential(key) else { throw UnusableKey() }
        return try ProviderAccess(kind: kind, baseURL: fake.url, credential: credential, filters: filters)
    }

    struct UnusableKey: Error {}

    func usage(
        _ kind: ProviderKind, filters: ProviderFilters = ProviderFilters(), days: Range<UTCDay> = days,
        now: Int64 = now
    ) async throws -> ProviderUsage {
        try await client.usage(of: try access(kind, filters: filters), days: days, now: now)
    }

    /// The failure of reading an account; nil if there is none.
    func failure(_ kind: ProviderKind, key: String = FakeProvider.credential) async throws -> ProviderFailure? {
        let access = try access(kind, key: key)
        do throws(ProviderFailure) {
            _ = try await client.usage(of: access, days: Self.days, now: Self.now)
            return nil
        } catch {
            return error
        }
    }
}

/// Random books, and the figures that follow from them.
struct RandomBooks {
    var books: FakeBooks
    /// The sums of costs by day, in 10⁻¹⁵ of the provider's unit.
    private var costs: [UTCDay: Int128] = [:]

    private static let projects = ["p_1", "p_2", nil]

    /// Creates usage of most hours and costs of most days.
    init(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        books = FakeBooks(now: ProviderHarness.now)
        for hour in stride(from: ProviderHarness.days.lowerBound.start, to: ProviderHarness.now, by: 3_600)
        where Int.random(in: 0..<4, using: &random) > 0 {
            for _ in 0..<Int.random(in: 1...2, using: &random) {
                books.usage.append(
                    FakeBooks.Usage(
                        hour: hour, project: Self.projects.randomElement(using: &random) ?? nil,
                        uncached: .random(in: 0...9_999_999, using: &random),
                        cacheRead: .random(in: 0...999, using: &random),
                        cacheWrite5m: .random(in: 0...999, using: &random),
                        cacheWrite1h: .random(in: 0...99, using: &random),
                        output: .random(in: 0...99_999, using: &random),
                        requests: .random(in: 1...9, using: &random)))
            }
        }
        for number in ProviderHarness.days.lowerBound.number..<ProviderHarness.days.upperBound.number {
            let day = UTCDay(number: number)
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                let project = Self.projects.randomElement(using: &random) ?? nil
                let decimals = Int.random(in: 0...15, using: &random)
                let amount = Int64.random(in: 0...99_999_999, using: &random)
                books.costs.append(
                    FakeBooks.Cost(
                        day: day.start, project: project,
                        amount: Self.text(amount, decimals: decimals, useExponent: Bool.random(using: &random))))
                costs[day, default: 0] += Int128(amount) * Self.power(15 - decimals)
            }
        }
    }

    /// Writes `amount` × 10⁻ᵈ.
    private static func text(_ amount: Int64, decimals: Int, useExponent: Bool) -> String {
        if useExponent { return "\(amount)e-\(decimals < 10 ? "0" : "")\(decimals)" }
        let digits = String(repeating: "0", count: max(0, decimals + 1 - "\(amount)".count)) + "\(amount)"
        return decimals == 0 ? digits : "\(digits.dropLast(decimals)).\(digits.suffix(decimals))"
    }

    private static func power(_ exponent: Int) -> Int128 { (0..<exponent).reduce(1) { power, _ in power * 10 } }

    /// The cost of a day in nano-dollars, rounded half up; nil without costs.
    ///
    /// - Parameter decimals: The decimals of a nano-dollar in the provider's unit: 9 for dollars, 7 for cents.
    func cost(_ day: UTCDay, decimals: Int) -> Money? {
        let divisor = Self.power(15 - decimals)
        return costs[day].map { Money(nanos: ($0 + divisor / 2) / divisor) }
    }

    /// The tokens from one instant up to another.
    func figures(_ time: Range<Int64>, countsRequests: Bool) -> ProviderFigures {
        let usage = books.usage.filter { time.contains($0.hour) }
        func sum(_ amount: (FakeBooks.Usage) -> Int64) -> Int64 { usage.reduce(0) { $0 + amount($1) } }
        return ProviderFigures(
            inputTokens: sum { $0.uncached }, cacheReadTokens: sum { $0.cacheRead },
            cacheWriteTokens: sum { $0.cacheWrite5m + $0.cacheWrite1h }, outputTokens: sum { $0.output },
            requests: countsRequests ? sum { $0.requests } : nil)
    }
}
