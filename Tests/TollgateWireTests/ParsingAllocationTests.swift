import AllocationMeasurement
import Testing

/// The heap allocations of parsing a request in a debug build, where closures capture on the heap.
/// `scripts/check-allocations` checks a release build against the actual limit.
@Suite(.enabled(if: Allocations.areCounted, "allocations are counted with glibc and without sanitizers"))
struct ParsingAllocationTests {
    static let debugCeiling: UInt64 = 4

    @Test("a request is parsed without an allocation", arguments: ParsingAllocations.samples)
    func parsesWithoutAllocating(_ sample: ParsingAllocations) throws {
        let times = 100
        #expect(try sample.count(times: times) <= UInt64(times) * Self.debugCeiling)
    }
}
