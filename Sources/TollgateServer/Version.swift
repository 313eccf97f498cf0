/// The version of the sidecar.
package enum Version {
    /// The version that STATUS reports.
    package static let current = "0.1.0"
    /// The commit that the running program was built from, as 40 hexadecimal digits; nil if the build has not recorded
    /// it.
    package static let commit = BuildID.ofProgram.flatMap(BuildID.commit(in:))

    /// The version, and the commit if it is known.
    package static let description = ([current] + (commit.map { ["(\($0))"] } ?? [])).joined(separator: " ")
}
