extension Array {
    /// Removes all elements and keeps the memory. For a few elements it costs a quarter of `removeAll(keepingCapacity:)`, which is
    /// a general replacement of a range.
    @inline(__always) @inlinable
    package mutating func clear() {
        while popLast() != nil {}
    }
}
