/// The version of the sidecar.
package enum Version {
    /// The version that INFO reports.
    package static let current = "0.1.0"
}
