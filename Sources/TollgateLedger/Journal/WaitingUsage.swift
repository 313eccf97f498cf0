import Synchronization
import TollgateCore

/// The sums of what waits in a journal to be added to scopes. Decisions count them as if they were held: what was used is used,
/// whether Redis knows of it yet or not. What would be taken back does not count.
///
/// Usable from any thread. Takes a lock only while anything waits.
package final class WaitingUsage: Sendable {
    private struct Sums {
        /// Operations that wait.
        var operations = 0
        /// By meter. More than an Int64 where a whole journal is full of the largest amounts.
        var amounts: [Meter: Int128] = [:]
    }

    private let sums = Mutex<[String: Sums]>([:])
    private let scopes = Atomic<Int>(0)

    /// Whether nothing waits.
    package var isEmpty: Bool { scopes.load(ordering: .acquiring) == 0 }

    /// Adds what the operations of a record add.
    func add(_ operations: [JournalEntry]) { change(operations, by: 1) }

    /// Takes them away again, when they have been replayed, or will never be.
    func remove(_ operations: [JournalEntry]) { change(operations, by: -1) }

    /// What waits for a scope, such as `user:alice`, by meter; nil for nothing.
    func amounts(of scope: String) -> [Meter: Int64]? {
        sums.withLock { sums in
            sums[scope].map { $0.amounts.mapValues { Int64(clamping: min(max($0, 0), Self.largest)) } }
        }
    }

    /// The largest number that the script's doubles hold exactly.
    private static let largest: Int128 = (1 << 53) - 1

    private func change(_ operations: [JournalEntry], by sign: Int128) {
        sums.withLock { sums in
            for operation in operations where operation.adds {
                let amounts = operation.meteredAmounts
                for scope in operation.scopes {
                    var sum = sums[scope] ?? Sums()
                    sum.operations += Int(sign)
                    for (meter, amount) in amounts { sum.amounts[meter, default: 0] += sign * Int128(amount) }
                    sums[scope] = sum.operations > 0 ? sum : nil
                }
            }
            scopes.store(sums.count, ordering: .releasing)
        }
    }
}

extension JournalEntry {
    /// Whether it adds to counters.
    fileprivate var adds: Bool { verb == "record" || verb == "commit" }

    /// By meter, `tokens` being all of them.
    fileprivate var meteredAmounts: [(Meter, Int64)] {
        var named = Amounts()
        for (name, amount) in amounts {
            if let meter = Meter(name: name) { named[meter] = amount }
        }
        named.tokens = named.allTokens
        return Meter.allCases.compactMap { meter in named[meter].map { (meter, $0) } }
    }
}

extension Journal {
    /// Sums up what waits, as another life of the sidecar has left it. To be called once, before anything is appended.
    package func sumUpWaiting() async {
        var last: Int64 = 0
        let portion = JournalReplay.portion
        while let records = try? await next(after: last, atMost: portion, operations: portion),
            let newest = records.last
        {
            for record in records { waiting.add(JournalEntry.read(record.payload) ?? []) }
            last = newest.number
        }
    }

    /// The record has been replayed, or set aside for good.
    package func noLongerWaits(_ record: Record) {
        waiting.remove(record.entries ?? [])
    }
}
