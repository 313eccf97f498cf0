import Testing

@testable import TollgatePolicy

/// The times at which a changing file is read.
@Suite struct ReadingScheduleTests {
    private let start = ContinuousClock.now
    private let old = FileStamp(device: 1, inode: 2, size: 3, modified: 4, changed: 5)
    private let empty = FileStamp(device: 1, inode: 2, size: 0, modified: 6, changed: 6)
    private let new = FileStamp(device: 1, inode: 2, size: 3, modified: 7, changed: 7)

    /// A schedule as an object, because `#expect` cannot call mutating functions.
    private final class Looker {
        var schedule: ReadingSchedule<FileStamp?>

        init(_ schedule: ReadingSchedule<FileStamp?>) { self.schedule = schedule }

        func isDue(_ stamp: FileStamp?, at now: ContinuousClock.Instant) -> Bool {
            schedule.isDue(stamp, at: now)
        }
    }

    private func looker() -> Looker { Looker(ReadingSchedule(read: old, settling: .seconds(1), at: start)) }

    private func after(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    @Test("a file that is truncated and then written is read once, a second after the last change")
    func writtenInPlace() {
        let looker = looker()
        #expect(!looker.isDue(old, at: after(2_000)))
        #expect(!looker.isDue(empty, at: after(2_250)))
        #expect(!looker.isDue(empty, at: after(3_000)))
        #expect(!looker.isDue(new, at: after(3_250)))
        #expect(!looker.isDue(new, at: after(4_000)))
        #expect(looker.isDue(new, at: after(4_250)))
        looker.schedule.wasRead(successfully: true, at: after(4_250))
        #expect(!looker.isDue(new, at: after(9_000)))
    }

    @Test("a file that is changed back in time is not read")
    func changedBack() {
        let looker = looker()
        #expect(!looker.isDue(nil, at: after(2_000)))
        #expect(!looker.isDue(old, at: after(2_900)))
        #expect(!looker.isDue(old, at: after(9_000)))
    }

    @Test("a file that could not be read is due again each second")
    func failed() {
        let looker = looker()
        #expect(!looker.isDue(new, at: after(100)))
        for second in 1...5 {
            #expect(!looker.isDue(new, at: after(second * 1_000 + 50)))
            #expect(looker.isDue(new, at: after(second * 1_000 + 100)))
            looker.schedule.wasRead(successfully: false, at: after(second * 1_000 + 100))
        }
        #expect(looker.isDue(new, at: after(7_000)))
        looker.schedule.wasRead(successfully: true, at: after(7_000))
        #expect(!looker.isDue(new, at: after(9_000)))
    }

    @Test("an unchanged file is read on request, once it has settled")
    func askedFor() {
        let looker = looker()
        looker.schedule.readAnyway()
        #expect(looker.isDue(old, at: after(1_500)))
        looker.schedule.wasRead(successfully: true, at: after(1_500))
        #expect(!looker.isDue(old, at: after(3_000)))
        #expect(!looker.isDue(new, at: after(4_000)))
        looker.schedule.readAnyway()
        #expect(!looker.isDue(new, at: after(4_500)))
        #expect(looker.isDue(new, at: after(5_000)))
    }
}
