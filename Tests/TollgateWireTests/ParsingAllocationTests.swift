import AllocationMeasurement
import Testing

/// What parsing a request costs in heap allocations in a debug build, where what closures capture lies on the heap. The ceiling
/// that counts is that of an optimised build, which `scripts/check-allocations` holds.
@Suite(.enabled(if: Allocations.areCounted, "allocations are counted with glibc and without sanitizers"))
struct ParsingAllocationTests {
    static let debugCeiling: UInt64 = 4

    @Test("a request is parsed without an allocation", arguments: ParsingAllocations.samples)
    func parsesWithoutAllocating(_ sample: ParsingAllocations) throws {
        let times = 100
        #expect(try sample.count(times: times) <= UInt64(times) * Self.debugCeiling)
    }
}
