import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores
import TollgateWire

/// A section of the stream of alert events, encoded once for all clients.
struct AlertPage: Sendable {
    /// One entry, with the end of its push in the text of each protocol.
    struct Line: Sendable {
        var cursor: AlertCursor
        fileprivate var endInLines: Int
        fileprivate var endInFrames: Int
    }

    /// The cursor before the first entry.
    var after: AlertCursor
    /// The cursor up to which every entry is in the page or cannot be read.
    var end: AlertCursor
    /// The entries, in the order of the stream.
    private(set) var lines: [Line] = []
    /// Whether the stream had no entry after the page when it was read.
    var isLast: Bool
    /// The end of the stream, if it has lost entries: a cursor beyond this one belongs to lost entries.
    var newestCursor: AlertCursor?
    /// The pushes of all entries, in each protocol.
    private var linesText = ByteBuffer()
    private var framesText = ByteBuffer()

    /// Creates a page of the entries that follow a cursor.
    init(after: AlertCursor, _ entries: [AlertEntry], isLast: Bool) {
        self.after = after
        self.isLast = isLast
        end = after
        for entry in entries { append(entry) }
    }

    /// Creates an empty page in place of an entry that cannot be read.
    init(after: AlertCursor, skipping entry: AlertCursor) {
        self.after = after
        end = entry
        isLast = false
    }

    /// Appends `ALERT {"cursor":"1795219201123-0","event":"opened","alert":{…}}`
    private mutating func append(_ entry: AlertEntry) {
        guard let cursor = AlertCursor(parsing: entry.id.utf8), let json = try? CanonicalJSON.text(entry.alert) else {
            return
        }
        let text = ByteBuffer(
            string: #"ALERT {"cursor":"\#(cursor)","event":"\#(entry.event.rawValue)","alert":\#(json)}"#)
        Framing.line.writePush(text, to: &linesText)
        Framing.resp.writePush(text, to: &framesText)
        lines.append(
            Line(cursor: cursor, endInLines: linesText.writerIndex, endInFrames: framesText.writerIndex))
        end = cursor
    }

    /// Returns the pushes of the entries from an index on, without a copy.
    func text(from index: Int, _ framing: Framing) -> ByteBuffer {
        let (text, ends) = framing == .line ? (linesText, \Line.endInLines) : (framesText, \Line.endInFrames)
        let start = index == 0 ? 0 : lines[index - 1][keyPath: ends]
        return text.getSlice(at: start, length: text.writerIndex - start) ?? ByteBuffer()
    }
}
