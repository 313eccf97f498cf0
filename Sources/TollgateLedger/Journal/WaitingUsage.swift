import Synchronization
import TollgateCore

/// The sums of the usage that waits in a journal, by scope. Decisions count it like held amounts: usage counts even before
/// Redis knows of it. Waiting writes that subtract usage are not counted.
///
/// Usable from any thread. Takes a lock only while anything waits.
package final class WaitingUsage: Sendable {
    private struct Sums {
        /// The number of waiting operations.
        var operations = 0
        /// The sums by meter. They can exceed an Int64 if a whole journal is full of the largest amounts.
        var amounts: [Meter: Int128] = [:]
    }

    private let moneyUnit: MoneyUnit
    private let sums = Mutex<[String: Sums]>([:])
    private let scopes = Atomic<Int>(0)

    /// Creates empty sums, in which costs have a unit.
    init(in moneyUnit: MoneyUnit) {
        self.moneyUnit = moneyUnit
    }

    /// Whether nothing waits.
    package var isEmpty: Bool { scopes.load(ordering: .acquiring) == 0 }

    /// Adds the usage of a record's entries.
    func add(_ entries: [JournalEntry]) { change(entries, by: 1) }

    /// Subtracts the usage of entries that have been replayed or rejected.
    func remove(_ entries: [JournalEntry]) { change(entries, by: -1) }

    /// Returns the waiting amounts of a scope, such as `user:alice`, by meter; nil if none wait.
    func amounts(of scope: String) -> [Meter: Int64]? {
        sums.withLock { sums in
            sums[scope].map { $0.amounts.mapValues { Int64(clamping: min(max($0, 0), Self.maxAmount)) } }
        }
    }

    /// The largest integer that a double, and so the script, represents exactly.
    private static let maxAmount: Int128 = (1 << 53) - 1

    private func change(_ entries: [JournalEntry], by sign: Int128) {
        sums.withLock { sums in
            for entry in entries where entry.adds {
                // An entry that cannot be converted is rejected when it is replayed.
                guard let amounts = try? entry.converted(to: moneyUnit).meteredAmounts else { continue }
                for scope in entry.scopes {
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
    /// Whether the entry adds to counters.
    fileprivate var adds: Bool { verb == "record" || verb == "commit" }

    /// The amounts by meter, with all tokens in `tokens`.
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
    /// Sums up the records that an earlier process has left. Called once, before anything is appended.
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

    /// Subtracts the usage of a record that has been replayed or rejected.
    package func removeFromWaiting(_ record: Record) {
        waiting.remove(record.entries ?? [])
    }
}
