/// The version of the sidecar.
package enum Version {
    /// The version that STATUS reports.
    package static let current = "0.1.0"
    /// The commit that the program was built from; nil if it is not known.
    package static let commit: String? = nil

    /// The version, and the commit if it is known.
    package static let description = ([current] + (commit.map { ["(\($0))"] } ?? [])).joined(separator: " ")
}
