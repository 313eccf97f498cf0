/// Numbers for the values of a metric's label, so that counting needs no text. The table is bounded: values beyond it
/// are counted together, as `other`. Owned by one event loop.
struct LabelTable {
    /// The number of the empty value, which stands for no label.
    static let none = 0
    /// The number of `other`.
    static let other = 1

    private let capacity: Int
    private var numbers: [String: Int] = [:]
    /// The values by their numbers.
    private(set) var values = ["", "other"]

    /// - Parameter capacity: The maximum number of values besides `other` and the empty one.
    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Returns the number of a value, a new one if there is room.
    mutating func number(of value: String) -> Int {
        if let number = numbers[value] { return number }
        guard numbers.count < capacity else { return Self.other }
        numbers[value] = values.count
        values.append(value)
        return values.count - 1
    }
}
