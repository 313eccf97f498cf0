import NIOCore
import Testing
import TollgateCore
import TollgatePolicy

@testable import TollgateLedger

/// Tests of the cache's use of policies, administrators' settings and users' traits.
@Suite struct ScopePlanSettingsTests {
    /// A cache with a clock that the test sets, and its calls about dropped plans.
    private final class Setting {
        var time: Int64 = 1_000
        var dropped: [ScopePlan?] = []
        var filling: ScopePlan?
        private(set) var cache: ScopePlanCache!

        /// A policy with settings for scopes of all kinds that the tests use.
        static let kinds = Set(["user", "tool", "global"].compactMap { try? ScopeKind(parsing: $0) })

        init(_ yaml: String, generationSize: Int = 64) throws {
            cache = ScopePlanCache(
                policy: try Self.policy(yaml), keySpace: KeySpace(namespace: "ns"), generationSize: generationSize,
                redisTime: { [unowned self] in time }, onDrop: { [unowned self] in dropped.append($0) },
                isInFillingBatch: { [unowned self] in $0 === filling })
        }

        static func policy(_ yaml: String) throws -> Policy {
            try Policy(yaml: yaml, file: "p").merged(with: SharedPolicy(kinds: kinds))
        }

        func current(
            _ text: String, _ traits: UserTraits = .none, isAskedByRequest: Bool = false
        ) -> ScopePlan? {
            guard !text.isEmpty, text != "global" else {
                return cache.currentGlobalPlan(isAskedByRequest: isAskedByRequest)
            }
            return Array(text.utf8).withUnsafeBytes {
                cache.currentPlan(forScope: $0, traits: traits.bytes, isAskedByRequest: isAskedByRequest)
            }
        }

        func learn(_ text: String, _ settings: ScopeSettings = .none) throws {
            cache.learn(settings, of: try Scope(parsing: text))
        }

        func tick(_ count: UInt32) {
            for _ in 0..<count { _ = cache.advanceTick() }
        }
    }

    private static let tiers = """
        defaults: { user: { requests: { 1m: 60 } } }
        tiers:
          basic: { limits: { cost: { month: 100 } } }
          premium: { limits: { cost: { month: 500 } } }
        assignments:
          - { role: Faculty, tier: premium }
          - { default: true, tier: basic }
        """
    private static let faculty = UserTraits(roles: ["Faculty"])

    private func maxes(_ plan: ScopePlan?) -> [String] {
        plan?.set.limits.map { "\($0.limit.name)=\($0.limit.max.map($0.limit.text) ?? "unlimited")" } ?? []
    }

    private func requests(_ max: Int64) -> ScopeSettings {
        ScopeSettings(limits: [Limit(.requests, .sliding(seconds: 60), max: max)])
    }

    @Test("scopes may have settings if their kind has any, and of any kind if the kinds are not known")
    func mayHaveSettings() throws {
        let (user, team) = (try Scope(parsing: "user:a"), try Scope(parsing: "team:t"))
        let cache = try Setting(Self.tiers).cache!
        #expect(cache.mayHaveSettings(user) && !cache.mayHaveSettings(team))
        cache.noteSettings(of: team.kind)
        #expect(cache.mayHaveSettings(team))
        let other = try Setting(Self.tiers).cache!
        other.forgetAllAndKinds()
        #expect(other.mayHaveSettings(team))
        other.learn(Setting.kinds)
        #expect(!other.mayHaveSettings(team))
    }

    @Test("a scope has no plan for decisions before its lookup, not even global", arguments: ["user:a", "global"])
    func unknown(_ scope: String) throws {
        let setting = try Setting(Self.tiers)
        #expect(setting.current(scope) == nil)
        // A request that cannot wait gets a plan, which decisions do not use.
        _ = setting.cache.plan(for: try Scope(parsing: scope))
        #expect(setting.current(scope) == nil)
        try setting.learn(scope)
        #expect(setting.current(scope) != nil)
    }

    @Test("before the kinds with settings are known there is no plan for decisions, looked up or not")
    func unknownPolicy() throws {
        let policy = try Policy(yaml: Self.tiers, file: "p")
        let cache = ScopePlanCache(policy: policy, keySpace: KeySpace(namespace: "ns"))
        let user = Array("user:a".utf8)
        func current() -> ScopePlan? { user.withUnsafeBytes { cache.currentPlan(forScope: $0, traits: []) } }
        cache.learn(.none, of: try Scope(parsing: "user:a"))
        cache.learn(.none, of: .global)
        #expect(current() == nil && cache.currentGlobalPlan() == nil)
        cache.install(policy)
        #expect(current() == nil)
        cache.install(policy.merged(with: SharedPolicy()))
        #expect(current() != nil && cache.currentGlobalPlan() != nil)
    }

    @Test("scopes of kinds without settings need no lookup, until something is set")
    func kindsWithoutSettings() throws {
        let setting = try Setting(Self.tiers)
        var met: [Scope] = []
        setting.cache.onMet = { met.append($0) }
        _ = setting.current("team:looked-at")
        let plan = try #require(setting.current("team:a", isAskedByRequest: true))
        #expect(setting.current("team:a", isAskedByRequest: true) === plan)
        #expect(met == [try Scope(parsing: "team:a")])
        setting.tick(40)
        #expect(setting.current("team:a") === plan)
        #expect(setting.current("user:a") == nil)
        setting.cache.noteSettings(of: try ScopeKind(parsing: "team"))
        #expect(setting.current("team:a") == nil)
        try setting.learn("team:a", requests(3))
        #expect(maxes(setting.current("team:a")) == ["requests/1m=3"])
        // Reported by a reading of the policy instead.
        #expect(setting.current("project:p") != nil)
        let kinds = Setting.kinds.union([try ScopeKind(parsing: "project"), try ScopeKind(parsing: "team")])
        setting.cache.install(try Policy(yaml: Self.tiers, file: "p").merged(with: SharedPolicy(kinds: kinds)))
        #expect(setting.current("project:p") == nil)
    }

    @Test("a request notes its scopes after each lookup, whoever looked them up; reading notes none")
    func notedUses() throws {
        let setting = try Setting(Self.tiers)
        var noted: [String] = []
        setting.cache.onMet = { noted.append($0.description) }
        func use(_ traits: UserTraits = .none) {
            for text in ["user:a", "team:t", "global"] { _ = setting.current(text, traits, isAskedByRequest: true) }
        }
        func read() throws {
            for text in ["user:a", "global"] { try setting.learn(text) }
            for text in ["user:a", "team:t", "global"] { _ = setting.current(text) }
        }
        try read()
        #expect(noted.isEmpty)
        for _ in 0..<3 { use() }
        use(Self.faculty)
        #expect(noted == ["user:a", "team:t", "global"])
        setting.tick(ScopePlanCache.agingTicks)
        try read()
        setting.tick(1)
        #expect(noted.count == 3)
        for _ in 0..<3 { use() }
        #expect(noted == ["user:a", "team:t", "global", "user:a", "team:t", "global"])
        // The end of a reservation gets its plans as a report does.
        try setting.learn("user:a")
        let plan = try #require(setting.current("user:a"))
        for _ in 0..<3 { setting.cache.noteUses(of: [plan]) }
        #expect(noted.dropFirst(6) == ["user:a"])
    }

    @Test("while a user's plan is in the filling batch, requests that need another plan of the user have to wait")
    func waiting() throws {
        let setting = try Setting(Self.tiers)
        try setting.learn("user:a")
        let basic = try #require(setting.current("user:a"))
        setting.filling = basic
        #expect(setting.current("user:a", Self.faculty) == nil)
        #expect(setting.cache.mustWaitForBatch)
        #expect(setting.current("user:a") === basic)
        #expect(setting.current("user:b") == nil)
        #expect(!setting.cache.mustWaitForBatch)
        setting.filling = nil
        let premium = try #require(setting.current("user:a", Self.faculty))
        setting.filling = premium
        #expect(setting.current("user:a") == nil)
        // An expired override or new settings have the same effect.
        try setting.learn("user:a", requests(4))
        #expect(setting.current("user:a", Self.faculty) == nil)
        #expect(setting.cache.mustWaitForBatch)
    }

    @Test("plans of a replaced policy are not kept beside those in use")
    func supersededPlans() throws {
        let setting = try Setting(Self.tiers)
        try setting.learn("user:a")
        for max in 1...20 {
            setting.cache.install(try Setting.policy(Self.tiers.replacing("month: 100", with: "month: \(max)")))
            let plan = try #require(setting.current("user:a"))
            #expect(maxes(plan)[1] == "cost/month=\(max)")
            #expect(plan.standing.others.isEmpty)
        }
    }

    @Test("a lookup is valid for 30 ticks, and from the 24th on used plans are due for another")
    func ageing() throws {
        let setting = try Setting(Self.tiers)
        try setting.learn("user:a")
        try setting.learn("user:b")
        setting.tick(23)
        #expect(setting.current("user:a") != nil)
        #expect(setting.cache.advanceTick().isEmpty)
        #expect(setting.current("user:a") != nil)
        #expect(setting.current("user:a") != nil)
        #expect(setting.cache.advanceTick() == [try Scope(parsing: "user:a")])
        try setting.learn("user:a")
        setting.tick(5)
        #expect(setting.current("user:a") != nil)
        #expect(setting.current("user:b") == nil)
    }

    @Test("settings of one scope change its plan and no other, and the same settings again change nothing")
    func learning() throws {
        let setting = try Setting(Self.tiers)
        try setting.learn("user:a", requests(5))
        try setting.learn("user:b")
        let plan = try #require(setting.current("user:a"))
        #expect(maxes(plan) == ["requests/1m=5", "cost/month=100"])
        #expect(plan.set.limits[0].source == .scope(.admin))
        #expect(maxes(setting.current("user:b")) == ["requests/1m=60", "cost/month=100"])
        try setting.learn("user:a", requests(5))
        #expect(setting.current("user:a") === plan)
        #expect(setting.dropped.isEmpty)
        try setting.learn("user:a", requests(6))
        #expect(maxes(setting.current("user:a"))[0] == "requests/1m=6")
        #expect(setting.dropped.map { $0 === plan } == [true])
    }

    @Test("forgotten settings are looked up again: of one scope, or of all", arguments: ["user:a", "global"])
    func forgetting(_ scope: String) throws {
        let setting = try Setting(Self.tiers)
        try setting.learn(scope)
        try setting.learn("user:other")
        setting.cache.forget(try Scope(parsing: scope))
        #expect(setting.current(scope) == nil)
        #expect(setting.current("user:other") != nil)
        try setting.learn(scope)
        #expect(setting.current(scope) != nil)
        setting.cache.forgetAll()
        #expect(setting.current(scope) == nil)
        #expect(setting.current("user:other") == nil)
    }

    @Test("a user has one plan per tier; alternating plans are found again, and the filling batch is notified")
    func variants() throws {
        let setting = try Setting(Self.tiers)
        try setting.learn("user:a")
        let basic = try #require(setting.current("user:a"))
        let premium = try #require(setting.current("user:a", Self.faculty))
        #expect(maxes(basic) == ["requests/1m=60", "cost/month=100"])
        #expect(maxes(premium) == ["requests/1m=60", "cost/month=500"])
        #expect(setting.dropped.map { $0 === basic } == [true])
        #expect(setting.current("user:a") === basic)
        #expect(setting.current("user:a", Self.faculty) === premium)
        #expect(setting.dropped.count == 3)
        // Other traits with the same tier lead to the same plan.
        #expect(setting.current("user:a", UserTraits(roles: ["Other", "Faculty"], email: "a@b.c")) === premium)
        #expect(setting.dropped.count == 3)
        setting.cache.forget(try Scope(parsing: "user:a"))
        #expect(setting.current("user:a") == nil)
        #expect(setting.current("user:a", Self.faculty) == nil)
    }

    @Test("whatever traits a user's requests have, at most 8 plans are kept beside the one in use")
    func variantsAreBounded() throws {
        let tiers = (0..<40).map { "  t\($0): { limits: { requests: { 1m: \($0 + 1) } } }" }.joined(separator: "\n")
        let roles = (0..<40).map { "  - { role: r\($0), tier: t\($0) }" }.joined(separator: "\n")
        let setting = try Setting("tiers:\n\(tiers)\nassignments:\n\(roles)")
        try setting.learn("user:a")
        for number in (0..<40).map({ $0 * 7 % 40 }) {
            let plan = try #require(setting.current("user:a", UserTraits(roles: ["r\(number)"])))
            #expect(maxes(plan) == ["requests/1m=\(number + 1)"])
            #expect(plan.standing.others.count <= ScopePlanCache.maxVariants)
        }
    }

    @Test("an override ends by Redis's time, to the millisecond")
    func overrides() throws {
        let setting = try Setting(Self.tiers)
        let override = Override(
            limits: [Limit(.requests, .sliding(seconds: 60), max: 600)],
            additions: [.init(.cost, .month, amount: 50_000_000_000)], expiresAt: 5_000, reason: "test")
        try setting.learn("user:a", ScopeSettings(override: override))
        #expect(maxes(setting.current("user:a")) == ["requests/1m=600", "cost/month=150"])
        setting.time = 4_999
        let plan = try #require(setting.current("user:a"))
        #expect(maxes(plan) == ["requests/1m=600", "cost/month=150"])
        setting.time = 5_000
        #expect(maxes(setting.current("user:a")) == ["requests/1m=60", "cost/month=100"])
        #expect(setting.dropped.last.map { $0 === plan } == true)
    }

    @Test("a new policy changes plans at their next use, and only those that it affects")
    func installing() throws {
        let setting = try Setting(Self.tiers)
        for scope in ["user:a", "tool:t", "global"] { try setting.learn(scope, requests(7)) }
        let before = ["user:a", "tool:t", "global"].map { setting.current($0) }
        setting.cache.install(
            try Setting.policy(Self.tiers.replacing("month: 100", with: "month: 90")))
        #expect(setting.dropped.count == 1 && setting.dropped[0] == nil)
        #expect(maxes(setting.current("user:a")) == ["requests/1m=7", "cost/month=90"])
        #expect(setting.current("tool:t") === before[1])
        #expect(setting.current("global") === before[2])
        #expect(setting.current("user:a") !== before[0])
    }

    @Test("global's plan survives any number of other scopes, and its settings are found")
    func global() throws {
        let setting = try Setting(Self.tiers, generationSize: 4)
        try setting.learn("global", requests(9))
        for number in 0..<100 { try setting.learn("user:u\(number)") }
        #expect(maxes(setting.current("global")) == ["requests/1m=9"])
        try setting.learn("global", requests(10))
        #expect(maxes(setting.current("global")) == ["requests/1m=10"])
    }

    @Test("users have their tier's own calendar")
    func calendars() throws {
        let setting = try Setting(
            Self.tiers.replacing("premium: {", with: "premium: { timezone: America/New_York, billing_day: 15,"))
        try setting.learn("user:a")
        let now: Int64 = 1_795_183_200_000  // 2026-11-20T14:00:00Z
        let basic = try #require(setting.current("user:a")).set.encoding(at: now)
        let premium = try #require(setting.current("user:a", Self.faculty)).set.encoding(at: now)
        let newYork = try CalendarRules(timeZone: "America/New_York", billingDay: 15)
        #expect(basic != premium)
        let month = newYork.window(.month, containing: now)
        #expect(month.startsAt == 1_794_718_800_000)  // 2026-11-15T05:00:00Z
        var expected = basic
        expected.clear()
        expected.writeMessagePack(month.startsAt)
        let sent = premium.readableBytesView.map(\.self)
        let start = expected.readableBytesView.map(\.self)
        #expect(sent.indices.contains { sent[$0...].starts(with: start) })
    }

    @Test(
        "traits are read as they were written",
        arguments: [
            UserTraits.none, UserTraits(roles: ["a"]), UserTraits(roles: ["a", "b c"], email: "x@y.z"),
            UserTraits(email: "ü@é.x"),
        ])
    func traits(_ traits: UserTraits) {
        #expect(UserTraits(bytes: traits.bytes) == traits)
    }
}
