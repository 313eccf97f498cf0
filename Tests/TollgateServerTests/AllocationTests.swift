import AllocationMeasurement
import Testing

/// What a request costs in heap allocations in a debug build, where every closure that captures something lies on the heap: only
/// a large step back shows. The ceiling that counts is that of an optimised build, which `scripts/check-allocations` holds.
@Suite(.enabled(if: Allocations.areCounted, "allocations are counted with glibc and without sanitizers"))
struct AllocationTests {
    static let debugCeiling = 25.0

    @Test("a CHECK of 64 connections, 16 deep, stays below the ceiling of allocations")
    func pipelinedChecks() async throws {
        #expect(try await CheckAllocations.pipelined() <= Self.debugCeiling)
    }
}
