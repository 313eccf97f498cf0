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
        guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return .needsMore }
        if framing == nil, let foreign = ForeignTraffic(firstByte: first) { return broken(foreign) }
        let framing = self.framing ?? begin(with: first)
        while buffer.readableBytes > 0 {
            let frame: LineFramer.Line?
            do throws(RequestError) {
                frame = try nextFrame(in: buffer, framing)
            } catch {
                return .broken(error)
            }
            guard let frame else { return .needsMore }
            defer { buffer.moveReaderIndex(forwardBy: frame.consumed) }
            if awaitsFirstLine, let foreign = judgeFirstLine(buffer, frame.length) { return broken(foreign) }
            do throws(RequestError) {
                guard try parse(buffer, frame.length, framing) else { continue }
                unknownVerbs = 0
                return .request
            } catch {
                return refusal(error, buffer, frame.length)
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

    private mutating func judgeFirstLine(_ buffer: ByteBuffer, _ length: Int) -> ForeignTraffic? {
        buffer.withUnsafeReadableBytes { bytes in
            let line = bytes.part(0..<length)
            awaitsFirstLine = line.allSatisfy { $0 == UInt8(ascii: " ") }
            return ForeignTraffic(firstLine: line)
        }
    }

    /// What becomes of a connection after a frame that is no request.
    private mutating func refusal(_ error: RequestError, _ buffer: ByteBuffer, _ length: Int) -> Outcome {
        guard error.code == .unknownVerb else {
            unknownVerbs = 0
            return .refused(error)
        }
        unknownVerbs += 1
        if unknownVerbs >= ForeignTraffic.maxUnknownVerbs { return broken(.unknownVerbs) }
        guard framing == .line,
            let foreign = buffer.withUnsafeReadableBytes({ ForeignTraffic(line: $0.part(0..<length)) })
        else { return .refused(error) }
        return broken(foreign)
    }

    private mutating func broken(_ foreign: ForeignTraffic) -> Outcome {
        foreignTraffic = foreign
        return .broken(foreign.error)
    }

    private mutating func nextFrame(
        in buffer: ByteBuffer, _ framing: Framing
    ) throws(RequestError) -> LineFramer.Line? {
        switch framing {
        case .line: try lines.next(in: buffer)
        case .resp: try frames.next(in: buffer).map { LineFramer.Line(length: $0, consumed: $0) }
        }
    }

    private mutating func parse(_ buffer: ByteBuffer, _ length: Int, _ framing: Framing) throws(RequestError) -> Bool {
        let result = buffer.withUnsafeReadableBytes { bytes in
            do throws(RequestError) {
                let isRequest =
                    framing == .line
                    ? try RequestParser.parse(line: bytes.part(0..<length), into: &request)
                    : try RequestParser.parse(words: frames.words, of: bytes, into: &request)
                return Result<Bool, RequestError>.success(isRequest)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
