import NIOCore
import TollgateCore
import TollgateLedger

/// A part of the stream of what happens to alerts, as clients get it. A plain value.
struct AlertPage: Sendable {
    /// What is pushed for one entry.
    struct Line: Sendable {
        var cursor: AlertCursor
        /// `ALERT {"cursor":"1795219201123-0","event":"opened","alert":{…}}`
        var text: ByteBuffer
    }

    /// Where it begins: everything up to there comes before it.
    var after: AlertCursor
    /// Where it ends: everything up to there is in it, or cannot be read.
    var end: AlertCursor
    /// In the order of the stream.
    var lines: [Line]
    /// There was nothing after it when it was read.
    var isLast: Bool
    /// Where the stream is found to have begun anew, or to have lost its end: where it ends now. Places after that are of what is gone.
    var newestPlace: AlertCursor?

    /// Of entries that were read after a place.
    init(after: AlertCursor, _ entries: [AlertEntry], isLast: Bool) {
        self.after = after
        self.isLast = isLast
        lines = entries.compactMap(Line.init)
        end = lines.last?.cursor ?? after
    }

    /// One entry that cannot be read.
    init(after: AlertCursor, skipping entry: AlertCursor) {
        self.after = after
        end = entry
        lines = []
        isLast = false
    }
}

extension AlertPage.Line {
    init?(_ entry: AlertEntry) {
        guard let cursor = AlertCursor(parsing: entry.id.utf8), let json = try? PolicyJSON.text(entry.alert) else {
            return nil
        }
        self.cursor = cursor
        text = ByteBuffer(string: #"ALERT {"cursor":"\#(cursor)","event":"\#(entry.event.rawValue)","alert":\#(json)}"#)
    }
}
