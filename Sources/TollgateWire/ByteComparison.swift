extension UnsafeRawBufferPointer {
    /// Whether the bytes are exactly the word.
    func equals(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        for index in 0..<count where self[index] != word.utf8Start[index] { return false }
        return true
    }

    /// Whether the bytes are the word, which is given in lower case, in any case of ASCII letters.
    func equalsIgnoringCase(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        for index in 0..<count {
            var byte = self[index]
            if byte >= UInt8(ascii: "A"), byte <= UInt8(ascii: "Z") { byte |= 0x20 }
            if byte != word.utf8Start[index] { return false }
        }
        return true
    }

    func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where self[index] != other[index] { return false }
        return true
    }

    /// A part of the bytes, with indices from 0.
    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[range])
    }

    /// Where the byte first stands at or after `start`; nil when it does not. Eight bytes at a time.
    func index(of byte: UInt8, from start: Int) -> Int? {
        let pattern = UInt64(byte) &* 0x0101_0101_0101_0101
        var index = start
        while index + 8 <= count {
            let difference = UInt64(littleEndian: loadUnaligned(fromByteOffset: index, as: UInt64.self)) ^ pattern
            // The lowest byte with its high bit set marks the first byte that is zero.
            let zeros = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
            if zeros != 0 { return index + zeros.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < count {
            if self[index] == byte { return index }
            index += 1
        }
        return nil
    }

    /// Whether a range holds nothing but visible ASCII, and neither `"` nor `+`. Eight bytes at a time.
    func isPlain(_ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        while index + 8 <= range.upperBound {
            let bytes = loadUnaligned(fromByteOffset: index, as: UInt64.self)
            // Each term has the high bit of a byte set where that byte is: above 0x7F; below 0x21; one of the three. A borrow
            // from a neighbour can only make a plain byte look like another, and then it is looked at more slowly.
            let odd =
                bytes | (bytes &- Self.repeated(0x21)) | Self.zeros(bytes ^ Self.repeated(0x7F))
                | Self.zeros(bytes ^ Self.repeated(UInt8(ascii: "+")))
                | Self.zeros(bytes ^ Self.repeated(UInt8(ascii: "\"")))
            if odd & 0x8080_8080_8080_8080 != 0 { return false }
            index += 8
        }
        while index < range.upperBound {
            let byte = self[index]
            if byte < 0x21 || byte >= 0x7F || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "\"") { return false }
            index += 1
        }
        return true
    }

    @inline(__always)
    private static func repeated(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    /// Marks bytes that are zero with their high bit, and perhaps some above them.
    @inline(__always)
    private static func zeros(_ bytes: UInt64) -> UInt64 { (bytes &- repeated(0x01)) & ~bytes }
}
