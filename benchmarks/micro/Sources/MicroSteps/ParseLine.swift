import NIOCore
import TollgateWire

/// A run: one line is cut out of what a connection sent, and parsed.
struct ParseLine {
    private var reader = RequestReader()
    private var buffer: ByteBuffer

    init(_ lines: ByteBuffer) {
        buffer = lines
    }

    mutating func run(_ times: Int) -> Int {
        var sum = 0
        for _ in 0..<times {
            if buffer.readableBytes == 0 { buffer.moveReaderIndex(to: 0) }
            guard case .request = reader.next(from: &buffer) else { preconditionFailure("every line is a request") }
            sum &+= reader.request.scopes.count
        }
        return sum
    }
}
