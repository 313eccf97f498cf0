import DequeModule
import TollgateCore

/// Which entries of the stream of alerts have gone to the workers of a sidecar. Pure.
struct HandedOnPlaces {
    /// The most that are remembered.
    private static let most = 100

    /// The last one; nil until Redis has been asked for the newest one.
    private(set) var last: AlertCursor?
    /// The last few, in the order in which they were handed on.
    private var latest: Deque<AlertCursor> = []

    /// - Parameter end: everything up to there has been handed on, or cannot be read.
    mutating func add(_ places: [AlertCursor], upTo end: AlertCursor) {
        last = end
        latest.append(contentsOf: places)
        if latest.last != end { latest.append(end) }
        latest.removeFirst(max(0, latest.count - Self.most))
    }

    /// Returns the cursor after which a client goes on whose own cursor is past the end of the stream, because Redis has lost
    /// the entries up to there.
    ///
    /// Where Redis has come back with earlier data, what is left was handed on before, and the client goes on behind it: behind the
    /// newest entry, or where others have come since, behind the one that was the newest then. Otherwise all that is there is new.
    func resumption(after cursor: AlertCursor, newest: AlertCursor) -> AlertCursor {
        guard let index = latest.lastIndex(of: cursor) else { return .start }
        let end = latest[(index + 1)...].first { $0 < cursor } ?? newest
        return latest[..<index].contains(end) ? end : .start
    }
}
