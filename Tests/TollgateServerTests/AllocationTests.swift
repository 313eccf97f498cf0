import AllocationMeasurement
import Testing

/// The heap allocations of a request in a debug build, where every capturing closure is allocated. So the test detects
/// only large regressions; `scripts/check-allocations` checks an optimised build against the actual ceiling.
@Suite(.enabled(if: Allocations.areCounted, "allocations are counted with glibc and without sanitizers"))
struct AllocationTests {
    static let debugCeiling = 25.0

    @Test("a CHECK of 64 connections with 16 requests each stays below the ceiling of allocations")
    func pipelinedChecks() async throws {
        #expect(try await CheckAllocations.pipelined() <= Self.debugCeiling)
    }
}
