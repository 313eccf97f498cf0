/// A key of a provider's API. It is never printed: its descriptions are `***`, and it cannot be encoded.
package struct ProviderCredential: Sendable {
    /// The key. Only requests contain it.
    let text: String

    /// The maximum length in bytes.
    package static let maxLength = 4_096

    /// Creates a credential; nil if the text is empty, too long, or has characters that a header cannot contain.
    package init?(_ text: String) {
        guard (1...Self.maxLength).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            return nil
        }
        self.text = text
    }

    /// The minimum length of a part of the key that is concealed without the rest.
    private static let minPart = 8
    /// The maximum length of a text in which parts are looked for. The rest of a longer one is left out.
    private static let maxTextLength = 2_048

    /// Replaces the key in a text by `***`, and each part of it of eight characters or more, in upper or lower case.
    func concealed(in text: String) -> String {
        let bytes = Array(text.utf8.prefix(Self.maxTextLength))
        let (folded, key) = (bytes.map(Self.folded), self.text.utf8.map(Self.folded))
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let length = Self.longestPart(of: key, in: folded, at: index)
            if length >= min(Self.minPart, key.count) {
                result += "***".utf8
                index += length
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The length of the longest part of a key that is in a text at an index.
    private static func longestPart(of key: [UInt8], in text: [UInt8], at index: Int) -> Int {
        var longest = 0
        for start in key.indices where key[start] == text[index] {
            var length = 1
            while start + length < key.count, index + length < text.count, key[start + length] == text[index + length] {
                length += 1
            }
            longest = max(longest, length)
        }
        return longest
    }

    private static func folded(_ byte: UInt8) -> UInt8 { (0x41...0x5a).contains(byte) ? byte | 0x20 : byte }
}

extension ProviderCredential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "***" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
