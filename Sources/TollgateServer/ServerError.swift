/// A sentence for the operator that names the option or the file.
public struct ServerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The sentence.
    public let description: String

    /// Takes the sentence as it is.
    public init(_ description: String) {
        self.description = description
    }
}
