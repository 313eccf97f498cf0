import Logging
import Synchronization
import Testing
import TollgateTestSupport

@testable import TollgateLedger

@Suite(.enabled(if: SmallDisk.isPossible, "needs to mount a small disk, which only root may"))
struct JournalDiskTests {
    /// Opens a journal beside a file that takes 300 KB of the disk.
    private func journal(on disk: SmallDisk) throws -> Journal {
        try disk.fill("filler", bytes: 300_000)
        return try Journal(path: disk.path + "/journal", capacity: 1_000_000)
    }

    private func payload(_ number: Int, bytes: Int) -> String {
        "\(number) " + String(repeating: "x", count: bytes)
    }

    @Test("on a full disk appends fail and earlier records stay; with room appends succeed again")
    func full() async throws {
        let disk = try SmallDisk()
        let journal = try journal(on: disk)
        var kept: [String] = []
        var failure: JournalError?
        for number in 1...2_000 where failure == nil {
            let payload = payload(number, bytes: 1_000)
            do {
                try await journal.append(payload)
                kept.append(payload)
            } catch {
                failure = error
            }
        }
        #expect(failure == .noRoom(path: "\(disk.path)/journal"))
        #expect(kept.count > 20)
        #expect(journal.depth.records == kept.count)
        #expect(journal.depth.lastError == failure?.description)
        #expect(try await journal.all().map(\.payload) == kept)

        try disk.remove("filler")
        kept.append("with room again")
        try await journal.append("with room again")
        #expect(journal.depth == Journal.Depth(operations: kept.count, records: kept.count))
        #expect(try await journal.all().map(\.payload) == kept)
        await journal.close()
        let reopened = try Journal(path: disk.path + "/journal", capacity: 1_000_000)
        #expect(try await reopened.all().map(\.payload) == kept)
        await reopened.close()
        withExtendedLifetime(disk) {}
    }

    @Test("a journal that has filled its disk can be emptied and filled again", arguments: 1...10)
    func emptied(seed: Int) async throws {
        let disk = try SmallDisk()
        var journal = try journal(on: disk)
        for round in 0..<3 {
            var kept = 0
            while case .success = await journal.append(all: (0..<7).map { payload($0, bytes: 90 * seed) })[6] {
                kept += 7
            }
            // Fills the room that a shorter record would find.
            while case .success = await journal.append(all: ["x"])[0] { kept += 1 }
            #expect(kept > 20)
            if round == 1 {
                await journal.close()
                journal = try Journal(path: disk.path + "/journal", capacity: 1_000_000)
            }
            // The number of records removed at a time.
            let portion = seed.isMultiple(of: 2) ? JournalReplay.portion : 64
            while let last = try await journal.next(after: 0, atMost: portion).last {
                try await journal.remove(through: last.number)
            }
            #expect(journal.isEmpty)
        }
        await journal.close()
        withExtendedLifetime(disk) {}
    }

    @Test("a journal that has filled its disk is replayed, each record once and in order", arguments: 1...10)
    func replayed(seed: Int) async throws {
        let disk = try SmallDisk()
        let journal = try journal(on: disk)
        func payload(_ number: Int) -> String {
            let user = String(repeating: "x", count: 20 * seed)
            return "[{\"amounts\":{\"tokens\":\(number)},\"scopes\":[\"user:\(user)\"],\"verb\":\"record\"}]"
        }
        var kept = 0
        while case .success = await journal.append(all: [payload(kept + 1)])[0] { kept += 1 }
        #expect(kept > 200)
        let sent = Mutex<[Int64]>([])
        let replay = JournalReplay(
            journal: journal, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            lastApplied: { _ in 0 },
            send: { record in
                // New records take the room that becomes free.
                _ = await journal.append(all: ["of a later version"])
                sent.withLock { $0 += (record.content ?? []).compactMap { $0.amounts["tokens"] } }
                return .applied
            }, onReplayed: { _ in })
        let (stream, _) = AsyncStream.makeStream(of: Void.self)
        let task = Task { await replay.run(whenJournaled: stream) }
        try await eventually { sent.withLock { $0.count } >= kept }
        task.cancel()
        await task.value
        #expect(sent.withLock { $0 } == (1...kept).map(Int64.init))
        let left = try await journal.all()
        #expect(left.allSatisfy { $0.payload == "of a later version" })
        await journal.close()
        withExtendedLifetime(disk) {}
    }

    @Test("on a disk that fills up, exactly the groups that were reported as stored are stored")
    func groups() async throws {
        let disk = try SmallDisk()
        let journal = try journal(on: disk)
        var kept: [String] = []
        var failures = 0
        for round in 0..<40 {
            let payloads = (0..<64).map { payload(round * 64 + $0, bytes: 500) }
            for (payload, outcome) in zip(payloads, await journal.append(all: payloads)) {
                if case .success = outcome { kept.append(payload) } else { failures += 1 }
            }
        }
        #expect(failures > 0 && kept.count > 100)
        await journal.close()
        // Without room for SQLite's own files the journal cannot be opened.
        try disk.remove("filler")
        let reopened = try Journal(path: disk.path + "/journal", capacity: 1_000_000)
        #expect(try await reopened.all().map(\.payload).sorted() == kept.sorted())
        #expect(reopened.depth.records == kept.count)
        await reopened.close()
        withExtendedLifetime(disk) {}
    }
}
