/// A sentence for the operator that names the option or the file.
package struct ServerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The sentence.
    package let description: String

    /// Takes the sentence as it is.
    package init(_ description: String) {
        self.description = description
    }
}
