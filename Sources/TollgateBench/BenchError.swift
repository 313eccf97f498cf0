/// A sentence for the operator that names the option or what was connected to.
package struct BenchError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
