/// An error sentence for the person who starts the sidecar. It names the option, or the file and its line.
package struct OperatorError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
