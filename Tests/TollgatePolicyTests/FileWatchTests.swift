import Foundation
import Synchronization
import Testing
import TollgateTestSupport

@testable import TollgatePolicy

/// Files that are read again when they change.
@Suite struct FileWatchTests {
    /// The readings of a file that names another one: the texts of both, and whether the reading was requested.
    private final class Readings: Sendable {
        let installed = Mutex<[String]>([])
        let errors = Mutex<[String]>([])
    }

    private static func read(_ path: String) throws(OperatorError) -> (contents: String, files: [StampedFile]) {
        let first = StampedFile(path: path)
        guard let name = try? TextFile(path: path).text() else { throw OperatorError("no \(path)") }
        let other = TextFile(path: path).neighbor(name)
        let second = StampedFile(path: other.path)
        guard let text = try? other.text() else { throw OperatorError("no \(name)") }
        return ("\(name): \(text)", [first, second])
    }

    private func watching(
        _ body: (TemporaryFolder, FileWatch, Readings) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        try folder.write("one", to: "a")
        let path = try folder.write("a", to: "main")
        let watch = FileWatch(interval: .milliseconds(5), settling: .milliseconds(30))
        let readings = Readings()
        let files = try Self.read(path).files
        let running = Task {
            await watch.run(files: files) { () async throws(OperatorError) in
                try Self.read(path)
            } install: { text, isRequested in
                readings.installed.withLock { $0.append(isRequested ? "\(text) as requested" : text) }
            } report: { error in
                readings.errors.withLock { $0.append(error.description) }
            }
        }
        defer { running.cancel() }
        try await body(folder, watch, readings)
    }

    @Test("a change of the file, of a file that it names, and of one that it names from then on is read once")
    func changes() async throws {
        try await watching { folder, _, readings in
            func last(_ text: String) async throws {
                try await eventually(within: .seconds(30)) { readings.installed.withLock { $0.last == text } }
            }
            try folder.write("two", to: "a")
            try await last("a: two")
            try folder.write("three", to: "b")
            try folder.write("b", to: "main")
            try await last("b: three")
            try folder.write("four", to: "b")
            try await last("b: four")
            try folder.write("five", to: "a")
            try await Task.sleep(for: .milliseconds(200))
            #expect(readings.installed.withLock { $0.last == "b: four" }, "a is no longer named")
        }
    }

    @Test("an unchanged file is read on request only, and a missing one is reported until it is there")
    func requests() async throws {
        try await watching { folder, watch, readings in
            try await Task.sleep(for: .milliseconds(200))
            #expect(readings.installed.withLock { $0.isEmpty })
            watch.request()
            try await eventually(within: .seconds(30)) {
                readings.installed.withLock { $0 == ["a: one as requested"] }
            }
            #expect(unlink(folder.path + "/a") == 0)
            try await eventually(within: .seconds(30)) { readings.errors.withLock { $0.count >= 2 } }
            #expect(readings.errors.withLock { Set($0) == ["no a"] })
            try folder.write("back", to: "a")
            try await eventually(within: .seconds(30)) {
                readings.installed.withLock { $0 == ["a: one as requested", "a: back"] }
            }
        }
    }
}
