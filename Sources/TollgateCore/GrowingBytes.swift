/// A buffer that keeps its memory when it is emptied, so that filling it again allocates nothing. Owned by one event loop or task.
///
/// A write checks the room and copies. An array would check its storage at every byte, and `ByteBuffer` makes a run-time check of
/// exclusive access.
@usableFromInline
package struct GrowingBytes: Sendable {
    /// As long as there is room. What stands at `end` and behind it means nothing.
    @usableFromInline var memory: [UInt8]
    @usableFromInline var end = 0

    /// Makes room for so many bytes.
    package init(room: Int) {
        memory = Self.memory(room)
    }

    /// Forgets the bytes and keeps the memory.
    @inlinable
    package mutating func removeAll() { end = 0 }

    /// Forgets all bytes but so many of the first.
    @inlinable
    package mutating func removeAll(behind count: Int) {
        precondition(count >= 0 && count <= end)
        end = count
    }

    /// How many bytes were written.
    @inlinable
    package var count: Int { end }

    /// Appends bytes.
    @inline(__always) @inlinable
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        append(atMost: bytes.count) { memory in
            memory.copyMemory(from: bytes)
            return bytes.count
        }
    }

    /// Appends bytes.
    @inline(__always) @inlinable
    package mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// Appends a byte.
    @inline(__always) @inlinable
    package mutating func append(_ byte: UInt8) {
        if memory.count == end { grow(by: 1) }
        memory[end] = byte
        end += 1
    }

    /// A byte that was written.
    @inlinable
    package subscript(index: Int) -> UInt8 {
        get {
            precondition(index < end)
            return memory[index]
        }
        set {
            precondition(index < end)
            memory[index] = newValue
        }
    }

    /// Bytes that were written.
    @inlinable
    package subscript(range: Range<Int>) -> ArraySlice<UInt8> {
        precondition(range.upperBound <= end)
        return memory[range]
    }

    /// Appends what `body` writes into memory for so many bytes, and says how much that is.
    @inline(__always) @inlinable
    package mutating func append(atMost most: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) {
        if memory.count - end < most { grow(by: most) }
        let start = end
        let written = memory.withUnsafeMutableBytes { memory in
            body(UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + most]))
        }
        precondition(written <= most, "more bytes than there is room for")
        end = start + written
    }

    /// At least doubles the room.
    @inline(never) @usableFromInline
    mutating func grow(by more: Int) {
        var larger = Self.memory(memory.count + max(memory.count, more))
        larger.withUnsafeMutableBytes { larger in withBytes { larger.copyMemory(from: $0) } }
        memory = larger
    }

    /// Memory for so many bytes. Not filled with zeros, as no byte is read before it was written.
    private static func memory(_ room: Int) -> [UInt8] {
        Array(unsafeUninitializedCapacity: room) { _, count in count = room }
    }

    /// Lends the bytes without a copy.
    @inline(__always) @inlinable
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        memory.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<end])) }
    }
}
