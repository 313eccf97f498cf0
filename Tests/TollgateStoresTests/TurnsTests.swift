import Synchronization
import Testing

@testable import TollgateLedger
@testable import TollgateStores

@Suite struct TurnsTests {
    private final class Visitors: Sendable {
        let counts = Mutex((inside: 0, most: 0, done: 0))

        func enter() {
            counts.withLock { counts in
                counts.inside += 1
                counts.most = max(counts.most, counts.inside)
            }
        }

        func leave() {
            counts.withLock { counts in
                counts.inside -= 1
                counts.done += 1
            }
        }
    }

    @Test("operations run one at a time, whether they fail or not, and all of them run")
    func oneAtATime() async {
        let turns = Turns()
        let visitors = Visitors()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    try? await turns.next { () async throws(StoreError) in
                        visitors.enter()
                        await Task.yield()
                        visitors.leave()
                        if number.isMultiple(of: 3) { throw .badCursor }
                    }
                }
            }
        }
        #expect(visitors.counts.withLock { $0 } == (0, 1, 200))
    }
}
