/// A sentence for the operator that names the option, or the file and its line.
package struct DeliveryError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
