import Foundation
import Testing
import TollgateAdmin
import TollgateLedger
import TollgateRedis
import TollgateServer
import TollgateTestSupport

@testable import tollgate

/// The pure parts of `tollgate doctor`.
@Suite struct DoctorReportTests {
    private static let terminal = Terminal(columns: 200, isUTF8: true, hasColour: false)

    @Test("the text fits 80 columns, ends with the counts, and control characters are made harmless")
    func text() {
        let long = String(repeating: "counters may be evicted ", count: 8)
        let report = DoctorReport(checks: [
            DoctorCheck("Redis", .ok, "answers"), DoctorCheck("policy", .warning, long, long),
            DoctorCheck("token", .error, "bad\u{1b}[31m", "chmod 600 token"),
        ])
        let text = report.text(on: Self.terminal)
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 && !$0.contains("\u{1b}") }, "\(text)")
        #expect(text.hasPrefix("ok       Redis: answers\nwarning  policy: counters may"), "\(text)")
        #expect(
            text.hasSuffix("error    token: bad?[31m\n         → chmod 600 token\n\n1 error, 1 warning, 1 ok"),
            "\(text)")
        let file = report.text(on: Terminal(window: nil, environment: [:]))
        #expect(file.contains("warning  policy: \(long)\n         > \(long)\n"), "\(file)")
    }

    @Test("JSON has each check and the counts")
    func json() throws {
        let report = DoctorReport(checks: [DoctorCheck("token", .error, "short", "use a longer one")])
        #expect(
            report.json
                == #"{"checks":[{"advice":"use a longer one","name":"token","result":"error","sentence":"short"}],"errors":1,"warnings":0}"#
        )
    }

    @Test("what follows the last semicolon of a sentence is the advice")
    func advice() {
        let check = DoctorCheck("a", .ok, fromSentence: "one; two: three; set four")
        #expect(check.sentence == "one; two: three" && check.advice == "set four")
        #expect(DoctorCheck("a", .ok, fromSentence: "one", orSee: "delivery").advice == "see docs/delivery.md")
    }

    @Test("a data folder: missing, of another user, not writable, without space, in use")
    func folders() {
        func results(_ change: (inout FolderFindings) -> Void) -> [String] {
            var folder = FolderFindings(path: "data", kind: .folder)
            folder.free = 1 << 40
            change(&folder)
            return FolderChecks.all(folder, user: 0).map { "\($0.name) \($0.result.rawValue)" }
        }
        #expect(results { _ in } == ["data folder ok", "disk ok", "lock ok"])
        #expect(results { $0.isWritable = false }.first == "data folder error")
        #expect(results { $0.owner = 7379 }.first == "data folder warning")
        #expect(results { $0.mode = 0o750 }.first == "data folder warning")
        #expect(results { $0.free = 100 << 20 }[1] == "disk warning")
        #expect(results { $0.free = 1 << 20 }[1] == "disk error")
        #expect(results { $0.kind = .missing(parent: "/", mayCreate: true) } == ["data folder ok", "disk ok"])
        #expect(results { $0.kind = .missing(parent: "/", mayCreate: false) } == ["data folder error"])
    }

    @Test("the lock of a folder is seen without taking it")
    func lock() throws {
        let folder = try TemporaryFolder()
        #expect(FolderLockHolder(folder: folder.path) == nil)
        do {
            let held = try DataFolder(folder.path)
            #expect(FolderLockHolder(folder: folder.path) == FolderLockHolder(process: getpid(), isHeld: true))
            withExtendedLifetime(held) {}
        }
        #expect(FolderLockHolder(folder: folder.path) == FolderLockHolder(process: getpid(), isHeld: false))
        _ = try DataFolder(folder.path)
    }

    @Test("waiting operations are a warning unless a running sidecar has taken them just now")
    func journal() throws {
        let folder = try TemporaryFolder()
        _ = try folder.emptyFile("journal.sqlite")
        var found = try JournalInspection(path: folder.path + "/journal.sqlite")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["journal.sqlite"])
        (found.records, found.operations, found.oldestAt) = (1, 3, 1_000_000)
        func result(isInUse: Bool, after seconds: Int64) -> DoctorCheck {
            JournalChecks.all(.success(found), isInUse: isInUse, now: 1_000_000 + seconds * 1_000)[0]
        }
        #expect(result(isInUse: true, after: 5).result == .ok)
        #expect(result(isInUse: true, after: 65).result == .warning)
        #expect(result(isInUse: false, after: 5).result == .warning)
        #expect(result(isInUse: true, after: 65).sentence.contains("since 1970-01-01T00:16:40Z (1 min 5 s)"))
    }

    @Test("times have two digits below 10 ms")
    func times() {
        #expect(RedisChecks.milliseconds(.microseconds(83)) == "0.08 ms")
        #expect(RedisChecks.milliseconds(.milliseconds(5)) == "5 ms")
        #expect(RedisChecks.milliseconds(.microseconds(1_250)) == "1.25 ms")
        #expect(RedisChecks.milliseconds(.milliseconds(250)) == "250 ms")
    }
}
