import DequeModule
import TollgateCore

/// The last entries of the alert stream that a sidecar has broadcast to its workers. Pure.
struct BroadcastHistory {
    /// The number of entries that are remembered.
    private static let capacity = 100

    /// The cursor of the last broadcast entry; nil until the end of the stream is known.
    private(set) var last: AlertCursor?
    /// The cursors of the last entries, in broadcast order.
    private var latest: Deque<AlertCursor> = []

    /// Adds broadcast entries.
    ///
    /// - Parameter end: The cursor up to which every entry has been broadcast or cannot be read.
    mutating func add(_ cursors: [AlertCursor], upTo end: AlertCursor) {
        last = end
        latest.append(contentsOf: cursors)
        if latest.last != end { latest.append(end) }
        latest.removeFirst(max(0, latest.count - Self.capacity))
    }

    /// Returns the cursor from which a client resumes whose own cursor is past the end of the stream, because Redis has
    /// lost entries.
    ///
    /// If Redis has come back with earlier data, the remaining entries were broadcast before the lost ones. The client
    /// resumes after the newest of them, as it was before other entries came. Otherwise every entry in the stream is
    /// new.
    func resumption(after cursor: AlertCursor, newest: AlertCursor) -> AlertCursor {
        guard let index = latest.lastIndex(of: cursor) else { return .start }
        let end = latest[(index + 1)...].first { $0 < cursor } ?? newest
        return latest[..<index].contains(end) ? end : .start
    }
}
