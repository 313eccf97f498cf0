/// A set of indices in a history.
struct EventSet: Hashable {
    private var words: [UInt64]

    init(count: Int) {
        words = Array(repeating: 0, count: (count + 63) / 64)
    }

    mutating func insert(_ event: Int) {
        words[event / 64] |= 1 << UInt64(event % 64)
    }

    mutating func remove(_ event: Int) {
        words[event / 64] &= ~(1 << UInt64(event % 64))
    }
}
