package import NIOCore

/// Reads the requests of one connection: finds out what the client speaks, cuts frames, parses them. Owned by the session's
/// event loop.
package struct RequestReader: Sendable {
    /// What the client speaks; nil until its first byte has arrived.
    package private(set) var framing: Framing?
    /// The request that `next` found.
    package private(set) var request = Request()

    /// Why the connection is broken, where that is because of what its client speaks.
    package private(set) var foreignTraffic: ForeignTraffic?

    private var awaitsFirstLine = false
    private var unknownVerbs = 0
    private var lines = LineFramer()
    private var frames = RESPFramer()

    /// What became of the bytes at the reader index.
    package enum Outcome: Equatable, Sendable {
        /// `request` holds a request.
        case request
        /// A frame was not a request. The connection goes on.
        case refused(RequestError)
        /// No frame can be found any more: the connection is to be closed once the error is sent.
        case broken(RequestError)
        /// The rest of a frame has not arrived.
        case needsMore
    }

    package init() {}

    /// Takes the next request from the buffer. Empty lines and empty frames are passed over without an answer.
    package mutating func next(from buffer: inout ByteBuffer) -> Outcome {
        // The bytes are lent once a request: each time the buffer makes a run-time check of exclusive access.
        buffer.readWithUnsafeReadableBytes { bytes in
            var position = 0
            let outcome = next(in: bytes, from: &position)
            return (position, outcome)
        }
    }

    /// Moves `position` behind what it takes.
    private mutating func next(in bytes: UnsafeRawBufferPointer, from position: inout Int) -> Outcome {
        guard let first = bytes.first else { return .needsMore }
        if framing == nil, let foreign = ForeignTraffic(firstByte: first) { return broken(foreign) }
        let framing = self.framing ?? begin(with: first)
        while position < bytes.count {
            let rest = bytes.part(position..<bytes.count)
            let frame: LineFramer.Line?
            do throws(RequestError) {
                frame = try nextFrame(in: rest, framing)
            } catch {
                return .broken(error)
            }
            guard let frame else { return .needsMore }
            position += frame.consumed
            let line = rest.part(0..<frame.length)
            if awaitsFirstLine, let foreign = judgeFirstLine(line) { return broken(foreign) }
            do throws(RequestError) {
                guard try parse(line, framing) else { continue }
                unknownVerbs = 0
                return .request
            } catch {
                return refusal(error, line)
            }
        }
        return .needsMore
    }

    /// Finds out what the client speaks.
    private mutating func begin(with first: UInt8) -> Framing {
        let framing = Framing(firstByte: first)
        self.framing = framing
        awaitsFirstLine = framing == .line
        return framing
    }

    private mutating func judgeFirstLine(_ line: UnsafeRawBufferPointer) -> ForeignTraffic? {
        awaitsFirstLine = line.allSatisfy { $0 == UInt8(ascii: " ") }
        return ForeignTraffic(firstLine: line)
    }

    /// What becomes of a connection after a frame that is no request.
    private mutating func refusal(_ error: RequestError, _ line: UnsafeRawBufferPointer) -> Outcome {
        guard error.code == .unknownVerb else {
            unknownVerbs = 0
            return .refused(error)
        }
        unknownVerbs += 1
        if unknownVerbs >= ForeignTraffic.maxUnknownVerbs { return broken(.unknownVerbs) }
        guard framing == .line, let foreign = ForeignTraffic(line: line) else { return .refused(error) }
        return broken(foreign)
    }

    private mutating func broken(_ foreign: ForeignTraffic) -> Outcome {
        foreignTraffic = foreign
        return .broken(foreign.error)
    }

    private mutating func nextFrame(
        in bytes: UnsafeRawBufferPointer, _ framing: Framing
    ) throws(RequestError) -> LineFramer.Line? {
        switch framing {
        case .line: try lines.next(in: bytes)
        case .resp: try frames.next(in: bytes).map { LineFramer.Line(length: $0, consumed: $0) }
        }
    }

    private mutating func parse(_ frame: UnsafeRawBufferPointer, _ framing: Framing) throws(RequestError) -> Bool {
        switch framing {
        case .line: try RequestParser.parse(line: frame, into: &request)
        case .resp: try RequestParser.parse(words: frames.words, of: frame, into: &request)
        }
    }
}
