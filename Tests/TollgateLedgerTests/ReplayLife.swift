import Foundation
import Logging
import TollgateCore
import TollgateTestSupport

@testable import TollgateLedger

/// One run of a sidecar that replays a journal to a real Redis, until all is replayed or it is killed: before any call, during
/// it, or with its reply lost.
actor ReplayLife {
    enum End: Equatable {
        case drained
        /// The next run goes on with the copy of the file.
        case killed
    }

    let journal: Journal
    private let path: String
    private let harness: LedgerHarness
    private var random: SeededGenerator
    /// The calls in flight, which may still arrive.
    private(set) var late: [Journal.Record]
    private var isKilled = false
    private let killable: Bool

    /// The file of the next run, if this one is killed.
    nonisolated var copyPath: String { path + "+" }

    init(path: String, harness: LedgerHarness, seed: UInt64, late: [Journal.Record], killable: Bool) throws {
        journal = try Journal(path: path, capacity: 1_000_000)
        self.path = path
        self.harness = harness
        self.late = late
        self.killable = killable
        random = SeededGenerator(seed: seed)
    }

    func run() async throws -> End {
        var replay = JournalReplay(
            journal: journal, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            lastApplied: { [harness] in try? await harness.lastApplied(of: $0) },
            send: { [weak self] in await self?.send($0) ?? .notNow }, onReplayed: { _ in })
        replay.longPause = .milliseconds(1)
        let (kept, _) = AsyncStream.makeStream(of: Void.self)
        let task = Task { [replay] in await replay.run(whenJournaled: kept) }
        try await eventually(within: .seconds(60)) { self.isKilled || self.journal.isEmpty }
        task.cancel()
        await task.value
        await journal.close()
        return isKilled ? .killed : .drained
    }

    private func send(_ record: Journal.Record) async -> JournalReplay.Outcome {
        guard !isKilled else { return .notNow }
        if !late.isEmpty, chance(2) { await arrive(late.remove(at: Int.random(in: late.indices, using: &random))) }
        switch Int.random(in: 0..<(killable ? 12 : 6), using: &random) {
        case 0: return .notNow
        case 1:
            late.append(record)
            return .unanswered
        case 2:
            await arrive(record)
            return .unanswered
        case 6: return kill()
        case 7:
            late.append(record)
            return kill()
        case 8:
            await arrive(record)
            return kill()
        default: return (try? await harness.replay(record)) ?? .notNow
        }
    }

    private func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &random) == 0 }

    private func arrive(_ record: Journal.Record) async { _ = try? await harness.replay(record) }

    /// Nothing is written to the file while a call is in flight.
    private func kill() -> JournalReplay.Outcome {
        isKilled = true
        for suffix in ["", "-wal"] {
            try? FileManager.default.copyItem(atPath: path + suffix, toPath: copyPath + suffix)
        }
        return .notNow
    }
}
