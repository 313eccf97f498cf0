import Testing

@testable import TollgateCore
@testable import TollgatePolicy

/// Random policies, changes of admins, and users. Failures print the seed.
@Suite("Random policies and users")
struct PolicyPropertyTests {
    /// A user, and everything that its limits depend on.
    private struct World {
        var tiers: [Tier] = []
        var assignments: [Assignment] = []
        var defaults: [Limit] = []
        var ownInFile: [Limit] = []
        var shared = SharedPolicy()
        var settings = ScopeSettings()
        var traits = UserTraits()

        static let user = (try? Scope(parsing: "user:alice")) ?? .global

        func rules(at now: Int64 = 500_000) -> ScopeRules {
            var file = Policy()
            for tier in tiers { file.tiers[tier.id] = TierEntry(tier, .file) }
            for assignment in assignments { file.assignments[assignment.subject] = assignment }
            file.defaults = [Self.user.kind: defaults]
            file.scopes = [Self.user: ownInFile]
            return file.merged(with: shared).rules(for: Self.user, settings: settings, traits: traits, at: now)
        }

        /// The ids of all tiers that exist.
        var ids: Set<String> { Set(tiers.map(\.id)).union(shared.tiers.keys) }
    }

    private static let roles = ["A", "B", "C", "D"]

    private func world(_ random: inout RandomPolicy) throws -> World {
        // The last two never exist.
        let names = ["t0", "t1", "t2", "t3", "gone0", "gone1"]
        let subjects =
            Self.roles.map { Assignment.Subject.role($0) } + [
                .emailDomain("a.b"), .everyone, .user(World.user), .user(try Scope(parsing: "user:bob")),
            ]
        var world = World()
        for name in names.prefix(4) where random.chance(60) { world.tiers.append(random.tier(id: name)) }
        for name in names.prefix(4) where random.chance(30) { world.shared.tiers[name] = random.tier(id: name) }
        for (order, subject) in random.shuffled(subjects).enumerated() where random.chance(50) {
            world.assignments.append(random.assignment(subject, order: Int64(order), tiers: names, origin: .file))
        }
        for (order, subject) in random.shuffled(subjects).enumerated() where random.chance(40) {
            let made = random.assignment(subject, order: Int64(order + 1), tiers: names, origin: .admin)
            if subject == .user(World.user) { world.settings.assignment = made }
            if subject.kind != "user" { world.shared.assignments.append(made) }
        }
        world.defaults = random.limits()
        world.ownInFile = random.limits()
        world.settings.limits = random.limits()
        if random.chance(50) { world.settings.override = random.override() }
        world.traits.roles = random.shuffled(Self.roles).filter { _ in random.chance(50) }
        if random.chance(50) { world.traits.email = random.pick(["x@a.b", "x@A.B", "x@c.d"]) }
        return world
    }

    private func forEachWorld(_ body: (World, inout RandomPolicy, UInt64) throws -> Void) rethrows {
        for seed in UInt64(0)..<400 {
            var random = RandomPolicy(seed: seed)
            guard let world = try? world(&random) else {
                Issue.record("no world")
                return
            }
            try body(world, &random, seed)
        }
    }

    @Test("the order of settings and of roles has no effect")
    func order() {
        forEachWorld { world, random, seed in
            var other = world
            other.tiers = random.shuffled(world.tiers)
            other.assignments = random.shuffled(world.assignments)
            other.shared.assignments = random.shuffled(world.shared.assignments)
            other.traits.roles = random.shuffled(world.traits.roles + world.traits.roles)
            other.defaults = random.shuffled(world.defaults)
            other.ownInFile = random.shuffled(world.ownInFile)
            other.settings.limits = random.shuffled(world.settings.limits)
            if let override = world.settings.override {
                other.settings.override?.limits = random.shuffled(override.limits)
                other.settings.override?.additions = random.shuffled(override.additions)
            }
            #expect(other.rules() == world.rules(), "seed \(seed)")
        }
    }

    @Test("removing assignments that are not enabled, or without their tier, has no effect")
    func withoutUnusable() {
        forEachWorld { world, _, seed in
            func isUsable(_ assignment: Assignment) -> Bool {
                assignment.isEnabled && world.ids.contains(assignment.tier)
            }
            var other = world
            other.assignments = world.assignments.filter(isUsable)
            other.shared.assignments = world.shared.assignments.filter(isUsable)
            other.settings.assignment = world.settings.assignment.flatMap { isUsable($0) ? $0 : nil }
            #expect(other.rules() == world.rules(), "seed \(seed)")
        }
    }

    @Test("adding assignments that are not enabled, or without their tier, has no effect")
    func withUnusable() {
        forEachWorld { world, random, seed in
            var other = world
            func unusable(_ subject: Assignment.Subject, _ origin: Origin) -> Assignment {
                random.chance(50)
                    ? Assignment(subject, tier: "gone", priority: 1_000_000, order: -1, origin: origin)
                    : Assignment(
                        subject, tier: random.pick(["t0", "t1"]), priority: 1_000_000, isEnabled: false, order: -1,
                        origin: origin)
            }
            let subjects = Self.roles.map { Assignment.Subject.role($0) } + [.emailDomain("a.b"), .everyone]
            for subject in subjects + [.user(World.user)]
            where !world.assignments.contains(where: { $0.subject == subject }) {
                other.assignments.append(unusable(subject, .file))
            }
            for subject in subjects where !world.shared.assignments.contains(where: { $0.subject == subject }) {
                other.shared.assignments.append(unusable(subject, .admin))
            }
            if world.settings.assignment == nil {
                other.settings.assignment = unusable(.user(World.user), .admin)
            }
            #expect(other.rules() == world.rules(), "seed \(seed)")
        }
    }

    @Test("the tier with precedence wins, and all tier limits are from it")
    func oneTier() {
        var wins = 0
        forEachWorld { world, _, seed in
            let rules = world.rules()
            let expected = winner(world)
            #expect(rules.choice?.winner == expected, "seed \(seed)")
            #expect(rules.choice?.tier.tier.id == expected?.tier, "seed \(seed)")
            for limit in rules.limits {
                guard case .tier(let source) = limit.source else { continue }
                #expect(source.id == expected?.tier, "seed \(seed)")
            }
            if expected != nil { wins += 1 }
        }
        #expect(wins > 100)
    }

    /// The expected winner, by another algorithm than the code: all subjects that match the user, the admin's before
    /// the file's, and the best of them.
    private func winner(_ world: World) -> Assignment? {
        func isUsable(_ assignment: Assignment) -> Bool {
            assignment.isEnabled && world.ids.contains(assignment.tier)
        }
        let admins = world.shared.assignments + (world.settings.assignment.map { [$0] } ?? [])
        let usable = admins.filter(isUsable)
        let files = world.assignments.filter(isUsable).filter { file in
            !usable.contains { $0.subject.id == file.subject.id }
        }
        let fitting = (usable + files).filter { assignment in
            switch assignment.subject {
            case .user(let scope): scope == World.user
            case .role(let role): world.traits.roles.contains(role)
            case .emailDomain(let domain): world.traits.email?.lowercased().hasSuffix("@" + domain) == true
            case .everyone: true
            }
        }
        let kinds = ["user", "role", "email_domain", "default"]
        func place(_ assignment: Assignment) -> (Int, Int, Int64, String) {
            (
                -assignment.priority, kinds.firstIndex(of: assignment.subject.kind) ?? 9, assignment.order,
                assignment.subject.id
            )
        }
        return fitting.min { place($0) < place($1) }
    }

    @Test("an expired override has no effect, and the rules contain the end of an active one")
    func endedOverride() {
        forEachWorld { world, _, seed in
            guard let end = world.settings.override?.expiresAt else { return }
            var without = world
            without.settings.override = nil
            #expect(world.rules(at: end) == without.rules(at: end), "seed \(seed)")
            #expect(world.rules(at: end + 1_000) == without.rules(at: end), "seed \(seed)")
            #expect(world.rules(at: end - 1).expiresAt == end, "seed \(seed)")
        }
    }

    @Test("limits are sorted and unique, and each is from the source with precedence")
    func sortedAndUnique() {
        forEachWorld { world, _, seed in
            let rules = world.rules()
            let limits = rules.limits.map(\.limit)
            #expect(zip(limits, limits.dropFirst()).allSatisfy { Limit.precedes($0, $1) }, "seed \(seed)")
            let override = world.settings.override.flatMap { $0.expiresAt > 500_000 ? $0 : nil }
            let places: [[Limit]] = [
                override?.limits ?? [], world.settings.limits, world.ownInFile,
                rules.choice?.tier.tier.limits ?? [], world.defaults,
            ]
            #expect(Set(limits.map(\.name)) == Set(places.joined().map(\.name)), "seed \(seed)")
            for limit in limits {
                let nearest = places.lazy.compactMap { $0.first { $0.name == limit.name } }.first
                let added = override?.additions.first { $0.meter == limit.meter && $0.period == limit.period }?.amount
                let isAbsolute = override?.limits.contains { $0.name == limit.name } == true
                let sum = nearest?.max.map { $0 + (isAbsolute ? 0 : added ?? 0) }
                #expect(limit.max == sum.map { min($0, limit.meter.maxLimit) }, "seed \(seed) \(limit.name)")
            }
        }
    }
}
