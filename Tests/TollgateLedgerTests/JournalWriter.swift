import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateLedger

/// The test bundle as a separate process that appends to a journal as fast as it can, until it is killed. It prints a line for
/// each completed append and removal: "appended N" and "removed N".
final class JournalWriter {
    /// The environment variable of such a process with the journal's path.
    private static let variable = "TOLLGATE_TEST_JOURNAL"
    /// The journal's path if this is such a process.
    static var ownPath: String? { ProcessInfo.processInfo.environment[variable] }
    /// The maximum number of appends without a printed completion.
    static let underWay = 32
    /// The number of records that a removal leaves, so that the next writer knows where to go on.
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

    /// The lines that it has written.
    var output: String { (try? String(contentsOfFile: folder.path + "/out", encoding: .utf8)) ?? "" }

    /// Returns the last number in a line with this word; nil if there is none.
    func last(_ word: String) -> Int64? {
        // Without an incomplete last line.
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

    /// Ends after 20 seconds if it is not killed.
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
        // Releasing a semaphore below its initial value would crash the process.
        for _ in 0..<JournalWriter.underWay { room.wait() }
        for _ in 0..<JournalWriter.underWay { room.signal() }
    }

    private static func remove(through number: Int64, from journal: Journal) {
        Task {
            try await journal.remove(through: number)
            say("removed \(number)")
        }
    }

    /// Prints a line in one write, so that it is never partial.
    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = Foundation.write(STDOUT_FILENO, bytes, bytes.count)
    }
}
