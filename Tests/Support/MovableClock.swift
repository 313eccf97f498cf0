import Foundation

/// A wall clock that can be moved for programs started with its environment, while the host's stays as it is.
/// (libfaketime does the same, but conflicts with redis-server's allocator.)
package struct MovableClock {
    private let folder: TemporaryFolder
    private let library: String

    /// Compiles the library that moves the clock; clang comes with Swift.
    package init() async throws {
        folder = try TemporaryFolder()
        library = folder.path + "/movable_clock.so"
        let source =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
            + "/../CMovableClock/movable_clock.c"
        let compiler = try await Command.run("clang", ["-O1", "-shared", "-fPIC", "-o", library, source])
        guard compiler.status == 0 else { throw TestFailure("clang: \(compiler.errors)") }
        try Data(count: MemoryLayout<Int64>.size).write(to: offset)
    }

    private var offset: URL { URL(fileURLWithPath: folder.path + "/seconds") }

    /// The environment of such a program.
    package var environment: [String: String] { ["LD_PRELOAD": library, "TOLLGATE_TEST_CLOCK": offset.path] }

    /// Sets the clock's offset from the host's, also for running programs.
    package func set(seconds: Int) throws {
        let file = try FileHandle(forWritingTo: offset)
        try file.write(contentsOf: withUnsafeBytes(of: Int64(seconds)) { Data($0) })
        try file.close()
    }
}
