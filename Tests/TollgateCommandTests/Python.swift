import Foundation

/// The Python that tests of Python clients run: the one named by `TOLLGATE_TEST_PYTHON`, which `scripts/test` has given the
/// package redis, else `python3`.
enum Python {
    static let program = ProcessInfo.processInfo.environment["TOLLGATE_TEST_PYTHON"] ?? "python3"

    /// One that was named is there, or the tests shall fail.
    private static let isNamed = ProcessInfo.processInfo.environment["TOLLGATE_TEST_PYTHON"] != nil

    static let isThere = isNamed || runs("pass")
    static let hasRedis = isNamed || runs("import redis")

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
