import Foundation

/// The Python that some tests run: the one named by `TOLLGATE_TEST_PYTHON`, which `scripts/test` has given the packages that they
/// need, else `python3`.
package enum Python {
    /// To be found in PATH, or by its path.
    package static let program = ProcessInfo.processInfo.environment["TOLLGATE_TEST_PYTHON"] ?? "python3"

    /// One that was named is there and has all packages, or the tests shall fail.
    private static let isNamed = ProcessInfo.processInfo.environment["TOLLGATE_TEST_PYTHON"] != nil

    /// Whether there is one at all.
    package static let isThere = isNamed || runs("pass")
    /// Whether it can be a client of Redis.
    package static let hasRedis = isNamed || runs("import redis")
    /// Whether it can check OpenAPI documents.
    package static let hasValidator = isNamed || runs("import openapi_spec_validator")

    /// Whether it can send what an OpenAPI document allows, and what it forbids.
    package static let hasSchemathesis = isNamed || runs("import schemathesis")

    private static func runs(_ code: String) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program, "-c", code]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
