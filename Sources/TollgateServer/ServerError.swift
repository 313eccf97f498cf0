/// A sentence for the operator that names the option or the file.
public struct ServerError: Error, Equatable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
