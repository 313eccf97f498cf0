import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger

/// Scopes of another namespace, enough to make the library drop its caches.
struct Crowd {
    /// More limit sets than the library caches (batch/sets.lua).
    static let tooManySets = 4_100
    /// The number of labels that the library caches (batch/labels.lua).
    static let keptLabels = 20_000

    private let harness: LedgerHarness
    private let users: [Scope]

    init(_ redis: TestRedis) async throws {
        var policy = Policy()
        users = try (0..<Self.tooManySets).map { try Scope(parsing: "user:u\($0)") }
        for (index, user) in users.enumerated() {
            policy.scopes[user] = [Limit(.requests, .total, max: Int64(index + 1))]
        }
        harness = try await LedgerHarness(
            policy: policy, redis: redis, keySpace: KeySpace(namespace: "crowd"))
    }

    func stop() async throws { try await harness.stop() }

    /// Sends that many distinct limit sets and labels.
    func use(sets: Int, labels: Int) async throws {
        var operations = users.prefix(sets).map(Self.check)
        for first in stride(from: 0, to: labels, by: 100) {
            let tools = try (first..<min(first + 100, labels)).map { try Scope(parsing: "tool:crowd\($0)") }
            operations.append(Self.check(users[0], tools))
        }
        _ = try await harness.apply(operations, at: ScriptTests.start)
    }

    private static func check(_ user: Scope) -> TestOperation { check(user, []) }

    private static func check(_ user: Scope, _ others: [Scope]) -> TestOperation {
        TestOperation(verb: .check, amounts: Amounts(requests: 1), scopes: [user] + others)
    }
}
