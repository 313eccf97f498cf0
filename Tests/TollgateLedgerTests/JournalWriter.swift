import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateLedger

/// The test bundle as a process of its own that appends to a journal as fast as it can, until it is killed. It says of each
/// append and each removal that it has completed: lines "appended N" and "removed N".
final class JournalWriter {
    /// Set in the environment of such a process: the journal's path.
    private static let variable = "TOLLGATE_TEST_JOURNAL"
    /// The journal's path, when this is such a process.
    static var ownPath: String? { ProcessInfo.processInfo.environment[variable] }
    /// Appended, but not yet said to have completed, at most.
    static let underWay = 32
    /// Records that a removal leaves, so that the next writer can tell where to go on.
    static let left: Int64 = 100

    private let process = Process()
    private let folder: TemporaryFolder

    init(path: String) throws {
        folder = try TemporaryFolder()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["--testing-library", "swift-testing", "--filter", "JournalWriterProcess"]
        process.environment = ProcessInfo.processInfo.environment.merging([Self.variable: path]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: folder.emptyFile("out"))
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        kill()
    }

    func kill() {
        guard process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// What it has written.
    var output: String { (try? String(contentsOfFile: folder.path + "/out", encoding: .utf8)) ?? "" }

    /// The last number that it said this of; nil when it said it of none.
    func last(_ word: String) -> Int64? {
        // Without what follows the last line's end.
        output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            .last { $0.hasPrefix(word + " ") }.flatMap { Int64($0.dropFirst(word.count + 1)) }
    }
}

@Suite(.enabled(if: JournalWriter.ownPath != nil, "runs in a process that another test starts and kills"))
struct JournalWriterProcess {
    @Test("appends until it is killed")
    func write() async throws {
        let path = try #require(JournalWriter.ownPath)
        let journal = try Journal(path: path, capacity: 1_000_000)
        let last = try await journal.all().last?.number ?? 0
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "journal writer").async {
                Self.append(to: journal, after: last)
                continuation.resume()
            }
        }
    }

    /// Ends after 20 seconds should nobody kill it.
    private static func append(to journal: Journal, after last: Int64) {
        let room = DispatchSemaphore(value: JournalWriter.underWay)
        let end = Date() + 20
        var number = last
        while Date() < end {
            room.wait()
            number += 1
            journal.append("\(number)", operations: 1, identity: nil) { [number] outcome in
                if case .success = outcome { say("appended \(number)") }
                room.signal()
            }
            if number.isMultiple(of: 250) { remove(through: number - JournalWriter.left, from: journal) }
        }
        // A semaphore that is let go with less than it began with ends the process.
        for _ in 0..<JournalWriter.underWay { room.wait() }
        for _ in 0..<JournalWriter.underWay { room.signal() }
    }

    private static func remove(through number: Int64, from journal: Journal) {
        Task {
            try await journal.remove(through: number)
            say("removed \(number)")
        }
    }

    /// In one write, so that a line is there whole or not at all.
    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = Foundation.write(STDOUT_FILENO, bytes, bytes.count)
    }
}
