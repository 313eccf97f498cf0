import Foundation
import TollgateTestSupport

/// A clock of the day for programs started with its environment: theirs can be moved while they run, and the host's stays as it is.
/// (libfaketime would do the same but for redis-server, whose allocator it does not get along with.)
struct MovableClock {
    private let folder: TemporaryFolder
    private let library: String

    /// Compiles the library that moves it; clang comes with Swift.
    init() async throws {
        folder = try TemporaryFolder()
        library = folder.path + "/movable_clock.so"
        let source =
            URL(fileURLWithPath: #filePath).deletingLastPathComponent().path
            + "/../../CMovableClock/movable_clock.c"
        let compiler = try await Command.run("clang", ["-O1", "-shared", "-fPIC", "-o", library, source])
        guard compiler.status == 0 else { throw TestFailure("clang: \(compiler.errors)") }
        try Data(count: MemoryLayout<Int64>.size).write(to: offset)
    }

    private var offset: URL { URL(fileURLWithPath: folder.path + "/seconds") }

    /// What a program is started with.
    var environment: [String: String] { ["LD_PRELOAD": library, "TOLLGATE_TEST_CLOCK": offset.path] }

    /// From now on the clock is so much before or behind the host's, also of programs that run.
    func set(seconds: Int) throws {
        let file = try FileHandle(forWritingTo: offset)
        try file.write(contentsOf: withUnsafeBytes(of: Int64(seconds)) { Data($0) })
        try file.close()
    }
}
