import NIOCore
import TollgateCore

/// How many CHECKs a batch has here.
package let checksInBatch = 128

/// CHECKs of one request each, on these scopes, in as many batches as get full.
func batchesOfChecks(on scopes: [[ScopePlan]]) -> [Batch] {
    let delegate = IgnoringDelegate()
    return (0..<scopes.count / checksInBatch).map { number in
        let batch = Batch(number: number + 1, keySpace: KeySpace(namespace: "tollgate"))
        for place in number * checksInBatch..<(number + 1) * checksInBatch {
            batch.append(.check, Amounts(requests: 1), on: scopes[place], terms: nil, for: delegate, ticket: place)
        }
        return batch
    }
}
