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

    /// The minimum length of an end of the key that is concealed without the rest.
    private static let minPart = 12

    /// Replaces the key in a text by `***`, also where only its first or last characters are there.
    func concealed(in text: String) -> String {
        var result = text.replacing(self.text, with: "***")
        guard self.text.utf8.count > Self.minPart else { return result }
        for part in [self.text.prefix(Self.minPart), self.text.suffix(Self.minPart)] {
            result = result.replacing(part, with: "***")
        }
        return result
    }
}

extension ProviderCredential: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "***" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
