import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Overrides")
struct OverrideResolutionTests {
    private func limits(_ override: Override, at now: Int64 = 0) throws -> [String: Int64?] {
        let policy = try Policy(
            yaml: "defaults: { tool: { requests: { 1m: 10, 1h: 0, 24h: null }, cost: { month: 5 } } }", file: "t.yaml")
        let rules = policy.rules(
            for: try Scope(parsing: "tool:search"), settings: ScopeSettings(override: override), at: now)
        return Dictionary(uniqueKeysWithValues: rules.limits.map { ($0.limit.name, $0.limit.max) })
    }

    private func sources(_ override: Override) throws -> [String: String] {
        let policy = try Policy(yaml: "defaults: { tool: { requests: { 1m: 10, 1h: 20 } } }", file: "t.yaml")
        let rules = policy.rules(
            for: try Scope(parsing: "tool:search"), settings: ScopeSettings(override: override), at: 0)
        return Dictionary(uniqueKeysWithValues: rules.limits.map { ($0.limit.name, $0.source.word) })
    }

    private func adding(_ meter: Meter, _ period: Period, _ amount: Int64) -> Override {
        Override(additions: [.init(meter, period, amount: amount)], expiresAt: 5_000, reason: "r")
    }

    @Test("an override applies until its end, and the rules contain the end")
    func end() throws {
        let override = Override(
            limits: [Limit(.requests, .sliding(seconds: 60), max: 99)], expiresAt: 5_000, reason: "r")
        #expect(try limits(override, at: 4_999)["requests/1m"] == 99)
        #expect(try limits(override, at: 5_000)["requests/1m"] == 10)
        #expect(try limits(override, at: 5_001)["requests/1m"] == 10)
        let policy = Policy.empty
        let scope = try Scope(parsing: "tool:search")
        let settings = ScopeSettings(override: override)
        #expect(policy.rules(for: scope, settings: settings, at: 4_999).expiresAt == 5_000)
        #expect(policy.rules(for: scope, settings: settings, at: 5_000).expiresAt == nil)
    }

    @Test("an addition changes the effective limit, and no other limit")
    func additive() throws {
        let limits = try limits(adding(.cost, .month, 50))
        #expect(limits["cost/month"] == 5_000_000_050)
        #expect(limits["requests/1m"] == 10)
        #expect(
            try sources(adding(.requests, .sliding(seconds: 60), 1)) == [
                "requests/1m": "override", "requests/1h": "defaults",
            ])
    }

    @Test("an addition to a blocked limit unblocks it; one to an unlimited or missing limit has no effect")
    func additionsAtTheEdges() throws {
        #expect(try limits(adding(.requests, .sliding(seconds: 3_600), 7))["requests/1h"] == 7)
        #expect(try limits(adding(.requests, .sliding(seconds: 86_400), 7))["requests/24h"] == .some(nil))
        let before = try limits(Override(expiresAt: 0, reason: "r"))
        #expect(try limits(adding(.tokens, .day, 7)) == before)
    }

    @Test("the sum is at most the maximum of a limit")
    func largest() throws {
        let largest = Meter.requests.maxLimit
        #expect(try limits(adding(.requests, .sliding(seconds: 60), largest))["requests/1m"] == largest)
    }

    @Test("an addition does not change a limit of the same override")
    func absoluteBesideAdditive() throws {
        let override = Override(
            limits: [Limit(.requests, .sliding(seconds: 60), max: 3)],
            additions: [
                .init(.requests, .sliding(seconds: 60), amount: 100),
                .init(.requests, .sliding(seconds: 3_600), amount: 1),
            ], expiresAt: 5_000, reason: "r")
        let limits = try limits(override)
        #expect(limits["requests/1m"] == 3)
        #expect(limits["requests/1h"] == 1)
    }

    @Test("an override can lower, raise, block and add limits")
    func absolute() throws {
        let override = Override(
            limits: [
                Limit(.requests, .sliding(seconds: 60), max: 0), Limit(.cost, .month, max: nil),
                Limit(.concurrent, .reservation, max: 2),
            ], expiresAt: 5_000, reason: "r")
        let limits = try limits(override)
        #expect(limits["requests/1m"] == 0)
        #expect(limits["cost/month"] == .some(nil))
        #expect(limits["concurrent"] == 2)
    }
}
