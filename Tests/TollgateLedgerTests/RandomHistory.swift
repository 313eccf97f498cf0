import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// A random policy, and random operations at times that jump within a bucket, over several, or over days.
struct RandomHistory {
    static let scopes = [
        "user:alice", "user:bob", "user:carol", "tool:search", "tool:write", "provider:openai", "provider:other",
        "model:small", "user:alice+tool:search", "global",
    ]

    private(set) var policy = Policy()
    /// The present time, Unix ms. In the future, so that no key expires during the test.
    private(set) var now: Int64 = 4_102_444_800_000 - 86_400_000 * 3
    private var random: SeededGenerator
    private let refundsRequests: Bool
    private let hastens: Bool
    private let namesAll: Bool
    /// The admitted requests with their times, numbers and scopes.
    private var admitted: [(time: Int64, hits: Int64, scopes: [Scope])] = []
    private var reservations = 0
    /// The operations with an id, which may be repeated.
    private var onces: [TestOperation] = []
    /// The allowed reservations and their times.
    private var made: [(operation: TestOperation, at: Int64)] = []

    /// Creates a history by any calendar over months, or by the given one from a given time over days.
    ///
    /// If it names all labels, every operation on a user has a tool, a provider and a model.
    init(seed: UInt64, calendar: CalendarRules? = nil, from start: Int64? = nil, namesAll: Bool = false) {
        random = SeededGenerator(seed: seed)
        refundsRequests = seed.isMultiple(of: 2)
        hastens = start == nil
        self.namesAll = namesAll
        now = start ?? now
        policy.calendar = calendar ?? anyCalendar()
        policy.defaults = [
            kind("user"): limits(most: 5), kind("tool"): limits(most: 4), kind("provider"): limits(most: 4),
            kind("user+tool"): limits(most: 2),
        ]
        policy.scopes = [scope("user:bob"): limits(most: 3), .global: limits(most: 3)]
    }

    private mutating func anyCalendar() -> CalendarRules {
        let zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]
        let rules = try? CalendarRules(
            timeZone: zones.randomElement(using: &random)!, resetHour: Int.random(in: 0...23, using: &random),
            billingDay: Int.random(in: 1...31, using: &random))
        return rules ?? .utc
    }

    /// Sometimes changes the policy's calendar, and lets up to two days pass. Returns whether it did.
    mutating func mayChangeCalendar() -> Bool {
        guard Int.random(in: 0..<15, using: &random) == 0 else { return false }
        policy.calendar = anyCalendar()
        now += Int64.random(in: 0...2 * 86_400_000, using: &random)
        return true
    }

    private func kind(_ text: String) -> ScopeKind { (try? ScopeKind(parsing: text)) ?? .global }

    private func scope(_ text: String) -> Scope { (try? Scope(parsing: text)) ?? .global }

    /// Distinct limits, tight enough to be reached often.
    private mutating func limits(most: Int) -> [Limit] {
        let periods: [Period] = [
            .request, .sliding(seconds: 1), .sliding(seconds: 7), .sliding(seconds: 60), .sliding(seconds: 3_600),
            .sliding(seconds: 86_400), .day, .week, .month, .total,
        ]
        var limits: [Limit] = []
        for _ in 0..<Int.random(in: 1...most, using: &random) {
            let meter = Meter.allCases.randomElement(using: &random)!
            let period = meter == .concurrent ? .reservation : periods.randomElement(using: &random)!
            guard !limits.contains(where: { $0.meter == meter && $0.period == period }) else { continue }
            let isShadow = Int.random(in: 0..<6, using: &random) == 0
            let charges = Limit.hasHolds(meter, period) && Int.random(in: 0..<3, using: &random) == 0
            limits.append(
                Limit(
                    meter, period, max: max(of: meter), mode: isShadow ? .shadow : .enforce,
                    onExpiry: charges ? .charge : nil))
        }
        return limits.sorted(by: Limit.precedes)
    }

    private mutating func max(of meter: Meter) -> Int64? {
        switch Int.random(in: 0..<20, using: &random) {
        case 0: return nil
        case 1: return 0
        default: break
        }
        switch meter {
        case .requests: return Int64.random(in: 1...40, using: &random)
        case .concurrent: return Int64.random(in: 1...6, using: &random)
        default: break
        }
        return Int64.random(in: 50...3_000, using: &random) * (meter == .cost ? 7_777_777 : 1)
    }

    mutating func nextBatch() -> (operations: [TestOperation], now: Int64) {
        switch Int.random(in: 0..<(hastens ? 100 : 105), using: &random) {
        case 0..<50: now += Int64.random(in: 0...300, using: &random)
        case 50..<80: now += Int64.random(in: 300...5_000, using: &random)
        case 80..<95: now += Int64.random(in: 5_000...130_000, using: &random)
        case 95..<99: now += Int64.random(in: 130_000...7_200_000, using: &random)
        default: now += Int64.random(in: 7_200_000...86_400_000 * (hastens ? 40 : 2), using: &random)
        }
        let count = Int.random(in: 1...40, using: &random)
        return ((0..<count).map { _ in nextOperation() }, now)
    }

    private mutating func nextOperation() -> TestOperation {
        let user = ["user:alice", "user:bob", "user:carol"].randomElement(using: &random)!
        let tool = ["tool:search", "tool:write"].randomElement(using: &random)!
        var names = [user]
        if namesAll || Bool.random(using: &random) { names.append(tool) }
        if namesAll || Bool.random(using: &random) {
            names.append(["provider:openai", "provider:other"].randomElement(using: &random)!)
        }
        if namesAll || Bool.random(using: &random) {
            names.append(["model:small", "model:large"].randomElement(using: &random)!)
        }
        if names.contains(tool) { names.append("\(user)+\(tool)") }
        names.append("global")
        let verbs: [OperationVerb] = [
            .check, .check, .check, .check, .peek, .record, .record, .refund, .reserve, .reserve, .commit, .cancel,
            .sweep,
        ]
        let verb = verbs.randomElement(using: &random)!
        switch verb {
        case .reserve: return reserve(names.map(scope))
        case .commit, .cancel: return settle(verb)
        case .sweep: return TestOperation(verb: .sweep, amounts: Amounts(), scopes: names.map(scope))
        default: break
        }
        var operation = TestOperation(verb: verb, amounts: amounts(of: verb), scopes: names.map(scope))
        if !verb.isDecision, Int.random(in: 0..<5, using: &random) == 0 {
            let lateness: Int64 = [100, 3_000, 60_000, 90_000_000, 31 * 86_400_000].randomElement(using: &random)!
            operation.usedAt = now - Int64.random(in: 0...lateness, using: &random)
        }
        guard !verb.isDecision, Int.random(in: 0..<4, using: &random) == 0 else { return operation }
        if let earlier = onces.randomElement(using: &random), Bool.random(using: &random) { return earlier }
        let once = operation.once("\(Int.random(in: 0..<200, using: &random))")
        onces.append(once)
        return once
    }

    private mutating func reserve(_ scopes: [Scope]) -> TestOperation {
        reservations += 1
        let seconds: Int64 = [1, 3, 60, 600, 86_400].randomElement(using: &random)!
        let amounts = amounts(of: .reserve)
        let rule = [ExpiryRule.charge, .release, nil, nil, nil].randomElement(using: &random)!
        return (try? .reserve(scopes, amounts, id: "r\(reservations)", seconds: seconds, onExpiry: rule))
            ?? TestOperation(verb: .peek, amounts: amounts, scopes: scopes)
    }

    /// A COMMIT or CANCEL of a recent reservation, which may have expired, or been committed or cancelled already.
    private mutating func settle(_ verb: OperationVerb) -> TestOperation {
        let open = made.suffix(12).filter { operation, madeAt in
            // As the sidecar does, which knows when a reservation has ended.
            let ends = madeAt + (operation.terms?.reserving?.timeToLive ?? 0)
            return ends + Reservation.endRemembered >= now
        }
        guard let (operation, madeAt) = open.randomElement(using: &random) else { return reserve([.global]) }
        return verb == .cancel
            ? operation.cancel(madeAt: madeAt) : operation.commit(madeAt: madeAt, amounts: amounts(of: .commit))
    }

    private mutating func amounts(of verb: OperationVerb) -> Amounts {
        var amounts = Amounts()
        func maybe(_ range: ClosedRange<Int64>) -> Int64? {
            Int.random(in: 0..<3, using: &random) == 0 ? Int64.random(in: range, using: &random) : nil
        }
        amounts.inputTokens = maybe(0...200)
        amounts.outputTokens = maybe(0...200)
        amounts.tokens = maybe(0...400)
        amounts.cost = maybe(0...900_000_000)
        switch verb {
        case .check, .peek, .reserve: amounts.requests = maybe(0...4) ?? 1
        case .cancel, .sweep: break
        case .record, .commit: amounts.requests = maybe(1...2)
        case .refund: amounts.requests = refundsRequests ? maybe(1...2) : nil
        }
        return amounts
    }

    // MARK: - Never over

    mutating func note(_ operation: TestOperation, _ answer: String, at now: Int64) {
        if operation.verb == .reserve, answer.hasPrefix("ALLOW") { made.append((operation, now)) }
        guard operation.verb == .check, answer.hasPrefix("ALLOW"), let hits = operation.amounts.requests else { return }
        admitted.append((now, hits, operation.scopes))
    }

    /// Checks that at most the limit is admitted in every window that ends with an admitted request.
    func checkTrailingWindows() throws {
        for scope in Self.scopes.map(scope) {
            for effective in policy.limits(for: scope) where effective.limit.meter == .requests {
                guard case .sliding(let seconds) = effective.limit.period, let max = effective.limit.max,
                    effective.limit.mode == .enforce, !refundsRequests
                else { continue }
                let events = admitted.filter { $0.scopes.contains(scope) }
                for (index, last) in events.enumerated() {
                    let sum = events[...index].reversed().prefix { $0.time > last.time - seconds * 1_000 }
                        .reduce(0) { $0 + $1.hits }
                    try #require(sum <= max, "\(scope)/\(effective.limit.name) at \(last.time): \(sum) of \(max)")
                }
            }
        }
    }
}
