import AllocationMeasurement
import Foundation
import TollgateTestSupport

/// Holds an optimised build to its ceilings of heap allocations, and ends with status 1 where one is broken; with `--checks NUMBER` it
/// carries out so many CHECKs and nothing else, for scripts/check-instructions to count what they cost. Built by itself
/// (`swift build -c release --product allocation-check`), so that no release build of all tests is needed for it.
@main struct AllocationCheck {
    private var passed = 0
    private var failed = 0

    static func main() async throws {
        #if DEBUG
        throw TestFailure("allocation-check measures release builds: swift run -c release allocation-check")
        #else
        if CommandLine.arguments.dropFirst().first == "--checks" {
            guard CommandLine.arguments.count == 3, let checks = Int(CommandLine.arguments[2]) else {
                throw TestFailure("usage: allocation-check [--checks NUMBER]")
            }
            var program = try CheckInstructions()
            return try program.run(checks)
        }
        guard Allocations.areCounted else {
            print("allocations are counted with glibc and without sanitizers only")
            print("0 passed, 0 failed")
            exit(1)
        }
        var check = AllocationCheck()
        for sample in ParsingAllocations.samples {
            let times = 100
            check.hold("parsing \(sample)", Double(try sample.count(times: times)) / Double(times), ceiling: 0)
        }
        let pipelined = try await CheckAllocations.pipelined()
        check.hold("a CHECK of 64 connections, 16 deep", pipelined, ceiling: CheckAllocations.ceiling)
        print("\(check.passed) passed, \(check.failed) failed")
        exit(check.failed == 0 ? 0 : 1)
        #endif
    }

    private mutating func hold(_ what: String, _ allocations: Double, ceiling: Double) {
        let isHeld = allocations <= ceiling
        if isHeld { passed += 1 } else { failed += 1 }
        print("\(isHeld ? "ok    " : "FAILED") \(what): \(allocations) allocations, at most \(ceiling)")
    }
}
