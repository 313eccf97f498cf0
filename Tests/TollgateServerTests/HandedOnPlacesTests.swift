import Testing
import TollgateCore

@testable import TollgateServer

/// Where clients go on whose cursor Redis has lost.
@Suite struct HandedOnPlacesTests {
    private static func cursor(_ number: UInt64) -> AlertCursor { AlertCursor(milliseconds: number, sequence: 0) }

    /// Each group of places in order, with the end of the stream behind it.
    private func places(_ groups: [UInt64]...) throws -> HandedOnPlaces {
        var places = HandedOnPlaces()
        for group in groups {
            let cursors = group.map(Self.cursor)
            places.add(Array(cursors.dropLast()), upTo: try #require(cursors.last))
        }
        return places
    }

    @Test("behind the newest entry, where that was handed on before the one that is lost")
    func earlierData() throws {
        let places = try places([1, 2, 3, 9])
        #expect(places.resumption(after: Self.cursor(9), newest: Self.cursor(2)) == Self.cursor(2))
    }

    @Test("behind what was the newest entry when the loss was noticed, where others have come since")
    func newEntries() throws {
        let places = try places([1, 2, 3, 9], [2], [5, 6])
        #expect(places.resumption(after: Self.cursor(9), newest: Self.cursor(6)) == Self.cursor(2))
        #expect(places.resumption(after: Self.cursor(3), newest: Self.cursor(2)) == Self.cursor(2))
    }

    @Test("at the start, where all is gone, or nothing is known of the cursor")
    func lost() throws {
        let places = try places([1, 2, 9], [4, 5])
        #expect(places.resumption(after: Self.cursor(9), newest: Self.cursor(5)) == .start)
        #expect(places.resumption(after: Self.cursor(20), newest: Self.cursor(5)) == .start)
        #expect(HandedOnPlaces().resumption(after: Self.cursor(9), newest: Self.cursor(5)) == .start)
    }
}
