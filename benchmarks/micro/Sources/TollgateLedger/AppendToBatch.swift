import NIOCore
import TollgateCore

/// A run: one CHECK joins a batch. Every 128th begins a new one, the making of which is counted in.
package struct AppendToBatch {
    private let scopes: [[ScopePlan]]
    private let delegate = IgnoringDelegate()
    private let amounts = Amounts(requests: 1)
    private var batch: Batch
    private var batchNumber = 1
    private var next = 0

    package init(_ scopes: [[ScopePlan]]) {
        self.scopes = scopes
        batch = Batch(number: batchNumber, keySpace: KeySpace(namespace: "tollgate"))
    }

    package mutating func run(_ times: Int) -> Int {
        var sum = 0
        for _ in 0..<times {
            if batch.entries.count == checksInBatch {
                sum &+= batch.encoder.plans.count
                batchNumber += 1
                batch = Batch(number: batchNumber, keySpace: KeySpace(namespace: "tollgate"))
            }
            batch.append(.check, amounts, on: scopes[next], terms: nil, for: delegate, ticket: next)
            next += 1
            if next == scopes.count { next = 0 }
        }
        return sum
    }
}
