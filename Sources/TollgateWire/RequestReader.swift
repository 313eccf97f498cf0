package import NIOCore
package import TollgateCore

/// A reader of the requests of one connection: it detects the protocol, splits the bytes into frames, and parses them.
/// Owned by the session's event loop.
package struct RequestReader: Sendable {
    /// The protocol of the connection; nil until the first byte has arrived.
    package private(set) var framing: Framing?
    /// The last request that `next` returned.
    package private(set) var request: Request

    /// The foreign traffic because of which the connection is broken; nil for none.
    package private(set) var foreignTraffic: ForeignTraffic?

    private var awaitsFirstLine = false
    private var unknownVerbs = 0
    private var lines = LineFramer()
    private var frames = RESPFramer()

    /// The result of reading the bytes at the reader index.
    package enum Outcome: Equatable, Sendable {
        /// `request` contains a request.
        case request
        /// A frame was not a valid request. The connection continues.
        case refused(RequestError)
        /// The stream cannot be split into frames any more. The connection must be closed once the error is sent.
        case broken(RequestError)
        /// The rest of a frame has not arrived.
        case needsMore
    }

    /// Creates a reader. The unit is that of amounts of `cost`.
    package init(moneyUnit: MoneyUnit = .nano) {
        request = Request(moneyUnit: moneyUnit)
    }

    /// Reads the next request from the buffer. Blank lines and empty frames are skipped without a reply.
    package mutating func next(from buffer: inout ByteBuffer) -> Outcome {
        // Once for each request: the buffer checks exclusive access at run time at each call.
        buffer.readWithUnsafeReadableBytes { bytes in
            var position = 0
            let outcome = next(in: bytes, from: &position)
            return (position, outcome)
        }
    }

    /// Reads the next request from bytes, and moves `position` past it.
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
            if awaitsFirstLine, let foreign = classifyFirstLine(line) { return broken(foreign) }
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

    /// Detects the protocol.
    private mutating func begin(with first: UInt8) -> Framing {
        let framing = Framing(firstByte: first)
        self.framing = framing
        awaitsFirstLine = framing == .line
        return framing
    }

    private mutating func classifyFirstLine(_ line: UnsafeRawBufferPointer) -> ForeignTraffic? {
        awaitsFirstLine = line.allSatisfy { $0 == UInt8(ascii: " ") }
        return ForeignTraffic(firstLine: line)
    }

    /// The outcome of a frame that is not a valid request.
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

    /// Folds the ids of these kinds in the last request to lower case.
    package mutating func foldCase(of kinds: Set<String>) { request.foldCase(of: kinds) }

    /// Adds a scope (its `description`) to those of the last request. Returns false if there is no room for another one.
    package mutating func addScope(_ text: [UInt8]) -> Bool { request.addScope(text) }

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
