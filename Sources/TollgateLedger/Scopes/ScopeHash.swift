/// The hash of a scope's text: eight bytes at a time, multiplied and folded; the idea of wyhash, without its claims.
struct ScopeHash {
    /// So that nobody can choose ids which all fall into one place.
    private let seed = UInt64.random(in: .min ... .max)

    @inline(__always)
    func callAsFunction(of text: UnsafeRawBufferPointer) -> Int {
        var hash = seed ^ UInt64(truncatingIfNeeded: text.count)
        var offset = 0
        while offset + 8 <= text.count {
            hash = fold(hash ^ text.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var tail: UInt64 = 0
        if text.count >= 8 {
            // Some of its bytes for the second time: that is quicker than one by one.
            tail = text.loadUnaligned(fromByteOffset: text.count - 8, as: UInt64.self)
        } else {
            for byte in text { tail = tail << 8 | UInt64(byte) }
        }
        return Int(truncatingIfNeeded: fold(hash ^ tail))
    }

    private func fold(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return high ^ low
    }
}
