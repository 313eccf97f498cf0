import Testing
import TollgateCore

@testable import TollgateServer

/// The resumption of clients whose cursor Redis has lost.
@Suite struct HandedOnPlacesTests {
    private static func cursor(_ number: UInt64) -> AlertCursor { AlertCursor(milliseconds: number, sequence: 0) }

    /// Returns a history of broadcasts. The last cursor of each group is the end of the stream.
    private func places(_ groups: [UInt64]...) throws -> BroadcastHistory {
        var places = BroadcastHistory()
        for group in groups {
            let cursors = group.map(Self.cursor)
            places.add(Array(cursors.dropLast()), upTo: try #require(cursors.last))
        }
        return places
    }

    @Test("after the newest entry, if it was broadcast before the lost one")
    func earlierData() throws {
        let places = try places([1, 2, 3, 9])
        #expect(places.resumption(after: Self.cursor(9), newest: Self.cursor(2)) == Self.cursor(2))
    }

    @Test("after the entry that was the newest when the loss was noticed, if others have come since")
    func newEntries() throws {
        let places = try places([1, 2, 3, 9], [2], [5, 6])
        #expect(places.resumption(after: Self.cursor(9), newest: Self.cursor(6)) == Self.cursor(2))
        #expect(places.resumption(after: Self.cursor(3), newest: Self.cursor(2)) == Self.cursor(2))
    }

    @Test("at the start, if all entries are lost or the cursor is unknown")
    func lost() throws {
        let places = try places([1, 2, 9], [4, 5])
        #expect(places.resumption(after: Self.cursor(9), newest: Self.cursor(5)) == .start)
        #expect(places.resumption(after: Self.cursor(20), newest: Self.cursor(5)) == .start)
        #expect(BroadcastHistory().resumption(after: Self.cursor(9), newest: Self.cursor(5)) == .start)
    }
}
