/// A growing buffer that keeps its memory when it is emptied, so that filling it again does not allocate. Owned by one
/// event loop or task.
///
/// A write checks the capacity once and copies. An array would check its storage at each byte, and `ByteBuffer` checks
/// exclusive access at run time.
@usableFromInline
package struct GrowingBytes: Sendable {
    /// The memory. Its bytes from `end` on are undefined.
    @usableFromInline var memory: [UInt8]
    @usableFromInline var end = 0

    /// Creates an empty buffer with a capacity in bytes.
    package init(room: Int) {
        memory = Self.memory(room)
    }

    /// Removes all bytes and keeps the memory.
    @inlinable
    package mutating func removeAll() { end = 0 }

    /// Removes all bytes after the first `count`, and keeps the memory.
    @inlinable
    package mutating func removeAll(behind count: Int) {
        precondition(count >= 0 && count <= end)
        end = count
    }

    /// The number of bytes.
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

    /// The byte at an index.
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

    /// The bytes in a range.
    @inlinable
    package subscript(range: Range<Int>) -> ArraySlice<UInt8> {
        precondition(range.upperBound <= end)
        return memory[range]
    }

    /// Appends the bytes that `body` writes into memory of `maxLength` bytes. `body` returns their number.
    @inline(__always) @inlinable
    package mutating func append(atMost maxLength: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) {
        if memory.count - end < maxLength { grow(by: maxLength) }
        let start = end
        let written = memory.withUnsafeMutableBytes { memory in
            body(UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + maxLength]))
        }
        precondition(written <= maxLength, "more bytes than there is room for")
        end = start + written
    }

    /// Doubles the capacity, or adds `more` bytes if that is more.
    @inline(never) @usableFromInline
    mutating func grow(by more: Int) {
        var larger = Self.memory(memory.count + max(memory.count, more))
        larger.withUnsafeMutableBytes { larger in withBytes { larger.copyMemory(from: $0) } }
        memory = larger
    }

    /// Uninitialized memory for a number of bytes. No byte is read before it is written.
    private static func memory(_ room: Int) -> [UInt8] {
        Array(unsafeUninitializedCapacity: room) { _, count in count = room }
    }

    /// Calls a closure with the bytes, without a copy.
    @inline(__always) @inlinable
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        memory.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<end])) }
    }
}

extension Array {
    /// Removes all elements and keeps the memory. For few elements it takes a quarter of the instructions of
    /// `removeAll(keepingCapacity:)`, which replaces a range in general.
    @inline(__always) @inlinable
    package mutating func clear() {
        while popLast() != nil {}
    }
}
