import AllocationMeasurement
import Foundation
import TollgateTestSupport

/// Checks a release build against the limits of heap allocations, and exits with status 1 if one is exceeded.
///
/// With `--checks NUMBER` it only performs CHECKs, whose instructions scripts/check-instructions counts. It is a
/// product of its own (`swift build -c release --product allocation-check`), so it needs no release build of all tests.
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
            print("allocations can be counted only with glibc and without sanitizers")
            print("0 passed, 0 failed")
            exit(1)
        }
        var check = AllocationCheck()
        for sample in ParsingAllocations.samples {
            let times = 100
            check.compare("parsing \(sample)", Double(try sample.count(times: times)) / Double(times), limit: 0)
        }
        let pipelined = try await CheckAllocations.pipelined()
        check.compare("a CHECK of 64 connections, 16 deep", pipelined, limit: CheckAllocations.limit)
        print("\(check.passed) passed, \(check.failed) failed")
        exit(check.failed == 0 ? 0 : 1)
        #endif
    }

    private mutating func compare(_ name: String, _ allocations: Double, limit: Double) {
        let hasPassed = allocations <= limit
        if hasPassed { passed += 1 } else { failed += 1 }
        print("\(hasPassed ? "ok    " : "FAILED") \(name): \(allocations) allocations, at most \(limit)")
    }
}
