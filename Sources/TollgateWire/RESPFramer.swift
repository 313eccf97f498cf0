/// A decoder of RESP2 arrays of bulk strings, the only frames that clients send, in a stream of bytes. It remembers its
/// position in a frame, so no byte is read twice. Owned by the session's event loop.
package struct RESPFramer: Sendable {
    /// The maximum length of a frame in bytes, with its headers.
    package static let maxFrameLength = 65_536
    /// The maximum number of words of a frame.
    package static let maxWords = 64

    /// The words of the last frame, as ranges of its bytes.
    package private(set) var words: [Range<Int>] = []
    /// The number of bytes that were decoded.
    private var position = 0
    /// The number of words in the frame's header; nil before the header.
    private var expectedWords: Int?
    /// The length of the word at `position`; nil before its header.
    private var expectedLength: Int?

    package init() {
        words.reserveCapacity(Self.maxWords)
    }

    /// The length of the frame at the start of the bytes; nil if its end has not arrived. `words` is valid until the
    /// next call, and the caller must consume the frame before it.
    ///
    /// Throws for a malformed frame. The connection must then be closed.
    mutating func next(in bytes: UnsafeRawBufferPointer) throws(RequestError) -> Int? {
        if expectedWords == nil {
            words.removeAll(keepingCapacity: true)
            guard let count = try takeHeader(UInt8(ascii: "*"), in: bytes) else { return nil }
            guard count <= Self.maxWords else { throw broken("more than \(Self.maxWords) words") }
            expectedWords = count
        }
        while words.count < expectedWords ?? 0 {
            guard try takeWord(in: bytes) else { return nil }
        }
        defer {
            position = 0
            expectedWords = nil
        }
        return position
    }

    /// Decodes a word; false if its end has not arrived.
    private mutating func takeWord(in bytes: UnsafeRawBufferPointer) throws(RequestError) -> Bool {
        if expectedLength == nil {
            guard let length = try takeHeader(UInt8(ascii: "$"), in: bytes) else { return false }
            guard position + length + 2 <= Self.maxFrameLength else {
                throw RequestError(.lineTooLong, "a frame has at most \(Self.maxFrameLength) bytes")
            }
            expectedLength = length
        }
        guard let length = expectedLength, bytes.count >= position + length + 2 else { return false }
        let end = position + length
        guard bytes[end] == UInt8(ascii: "\r"), bytes[end + 1] == UInt8(ascii: "\n") else {
            throw broken("expected a line end after \(length) bytes")
        }
        words.append(position..<end)
        position = end + 2
        expectedLength = nil
        return true
    }

    /// Decodes a type byte, a number and a line end. Nil, without a change, if they have not arrived completely.
    private mutating func takeHeader(_ type: UInt8, in bytes: UnsafeRawBufferPointer) throws(RequestError) -> Int? {
        guard position < bytes.count else { return nil }
        guard bytes[position] == type else { throw broken("expected \(Character(Unicode.Scalar(type)))") }
        var value = 0
        var index = position + 1
        while index < bytes.count, bytes[index] != UInt8(ascii: "\r") {
            let digit = bytes[index] &- UInt8(ascii: "0")
            guard digit <= 9, index - position <= 9 else { throw broken("expected a length") }
            value = value * 10 + Int(digit)
            index += 1
        }
        guard index < bytes.count else { return nil }
        guard index > position + 1 else { throw broken("expected a length") }
        guard index + 1 < bytes.count else { return nil }
        guard bytes[index + 1] == UInt8(ascii: "\n") else { throw broken("expected a line end after a length") }
        position = index + 2
        return value
    }

    private func broken(_ why: String) -> RequestError {
        .badRequest("frame", why)
    }
}
