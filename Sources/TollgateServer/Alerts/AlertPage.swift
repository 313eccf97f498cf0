import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores
import TollgateWire

/// A part of the stream of what happens to alerts, as clients get it: its text is encoded once, and shared by all of them. A plain
/// value.
struct AlertPage: Sendable {
    /// One entry, and where what is pushed for it ends in the page's text.
    struct Line: Sendable {
        var cursor: AlertCursor
        fileprivate var endInLines: Int
        fileprivate var endInFrames: Int
    }

    /// Where it begins: everything up to there comes before it.
    var after: AlertCursor
    /// Where it ends: everything up to there is in it, or cannot be read.
    var end: AlertCursor
    /// In the order of the stream.
    private(set) var lines: [Line] = []
    /// There was nothing after it when it was read.
    var isLast: Bool
    /// Where the stream is found to have begun anew, or to have lost its end: where it ends now. Places after that are of what is gone.
    var newestPlace: AlertCursor?
    /// All pushes, in either protocol.
    private var linesText = ByteBuffer()
    private var framesText = ByteBuffer()

    /// Of entries that were read after a place.
    init(after: AlertCursor, _ entries: [AlertEntry], isLast: Bool) {
        self.after = after
        self.isLast = isLast
        end = after
        for entry in entries { append(entry) }
    }

    /// One entry that cannot be read.
    init(after: AlertCursor, skipping entry: AlertCursor) {
        self.after = after
        end = entry
        isLast = false
    }

    /// `ALERT {"cursor":"1795219201123-0","event":"opened","alert":{…}}`
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

    /// What is pushed for the entries from one on, without a copy.
    func text(from index: Int, _ framing: Framing) -> ByteBuffer {
        let (text, ends) = framing == .line ? (linesText, \Line.endInLines) : (framesText, \Line.endInFrames)
        let start = index == 0 ? 0 : lines[index - 1][keyPath: ends]
        return text.getSlice(at: start, length: text.writerIndex - start) ?? ByteBuffer()
    }
}
