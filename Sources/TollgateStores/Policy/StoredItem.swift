import Foundation
import NIOCore

/// What a field of the store holds: `{"item":{…},"order":7,"version":7}`, just as the script writes it (policy_edit.lua).
struct StoredItem {
    /// What was set, as `TierJSON` and its like write it.
    var json: Data
    /// Number of the change that first made it.
    var order: Int64
    /// Number of the change that wrote it.
    var version: Int64

    /// More digits would not be exact in Lua.
    private static let maxDigits = 15

    /// Nil where it has another form. The item itself is not looked at.
    init?(_ stored: ByteBuffer) {
        let head = #"{"item":"#.utf8
        var rest = stored.readableBytesView
        guard rest.starts(with: head), rest.last == UInt8(ascii: "}") else { return nil }
        rest = rest.dropFirst(head.count).dropLast()
        guard let version = Self.takeNumber(after: #","version":"#, from: &rest),
            let order = Self.takeNumber(after: #","order":"#, from: &rest),
            rest.first == UInt8(ascii: "{"), rest.last == UInt8(ascii: "}")
        else { return nil }
        json = Data(rest)
        self.order = order
        self.version = version
    }

    /// Takes the label and the number behind it from the end.
    private static func takeNumber(after label: String, from rest: inout ByteBufferView) -> Int64? {
        let digits = rest.reversed().prefix { (0x30...0x39).contains($0) }.reversed()
        guard (1...maxDigits).contains(digits.count) else { return nil }
        let head = rest.dropLast(digits.count)
        guard head.suffix(label.utf8.count).elementsEqual(label.utf8) else { return nil }
        rest = head.dropLast(label.utf8.count)
        return digits.reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
}
