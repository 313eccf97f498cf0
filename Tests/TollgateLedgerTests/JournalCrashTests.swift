import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateLedger

/// Tests with writers that are killed while they write (``JournalWriter``).
@Suite struct JournalCrashTests {
    private static let rounds = 10

    @Test("after its writer was killed, a journal has every record that was completed, and none that was removed")
    func killed() async throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 20)
        for round in 1...Self.rounds {
            let writer = try JournalWriter(path: folder.path + "/journal")
            try await eventually(within: .seconds(30)) { writer.last("appended") != nil }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...200, using: &random)))
            writer.kill()
            let journal = try Journal(path: folder.path + "/journal", capacity: 1_000_000)
            try await expectWhole(journal, after: writer, "seed 20, round \(round)")
            await journal.close()
        }
    }

    private func expectWhole(_ journal: Journal, after writer: JournalWriter, _ round: String) async throws {
        let records = try await journal.all()
        let first = try #require(records.first?.number, "\(round)")
        let last = try #require(records.last?.number, "\(round)")
        let appended = try #require(writer.last("appended"), "\(round)")
        #expect(records.map(\.number) == Array(first...last), "\(round)")
        #expect(records.allSatisfy { $0.payload == "\($0.number)" }, "\(round)")
        #expect(last >= appended && last <= appended + Int64(JournalWriter.underWay), "\(round)")
        #expect(first > writer.last("removed") ?? 0, "\(round)")
        #expect(first <= max(last / 250 * 250 - JournalWriter.left, 0) + 1, "\(round)")
        #expect(journal.depth == Journal.Depth(operations: records.count, records: records.count), "\(round)")
    }

    @Test("a journal whose creation was interrupted is created when it is opened again")
    func killedWhileMaking() async throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 30)
        for round in 1...Self.rounds {
            let path = folder.path + "/journal\(round)"
            let writer = try JournalWriter(path: path)
            let end = ContinuousClock.now + .seconds(30)
            while !FileManager.default.fileExists(atPath: path), ContinuousClock.now < end {
                try await Task.sleep(for: .microseconds(100))
            }
            try await Task.sleep(for: .microseconds(Int.random(in: 0...6_000, using: &random)))
            writer.kill()
            let journal = try Journal(path: path, capacity: 10_000)
            #expect(journal.producer.count == 16, "seed 30, round \(round)")
            try await journal.append("after")
            #expect(try await journal.all().last?.payload == "after", "seed 30, round \(round)")
            await journal.close()
        }
    }
}
