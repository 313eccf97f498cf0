extension UnsafeRawBufferPointer {
    /// Whether the bytes are a word.
    @inline(__always)
    func equals(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        let other = word.utf8Start
        for index in 0..<count where self[index] != other[index] { return false }
        return true
    }

    /// Whether the bytes are a word in any case of ASCII letters. The word must be in lower case.
    @inline(__always)
    func equalsIgnoringCase(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        let other = word.utf8Start
        for index in 0..<count {
            // This bit distinguishes an upper-case letter from its lower-case letter, and only these two become the
            // lower-case one.
            if self[index] | 0x20 != other[index] { return false }
        }
        return true
    }

    /// Whether the bytes are equal.
    func equals(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<count where self[index] != other[index] { return false }
        return true
    }

    /// The bytes in a range, with indices from 0.
    func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: self[range])
    }

    /// The index of the first occurrence of a byte at or after `start`; nil if there is none. Compares eight bytes at a
    /// time.
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
}
