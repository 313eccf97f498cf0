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
        while offset < text.count {
            tail = tail << 8 | UInt64(text[offset])
            offset += 1
        }
        return Int(truncatingIfNeeded: fold(hash ^ tail))
    }

    private func fold(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return high ^ low
    }
}
