/// The sidecar's own version.
package enum Version {
    /// As in `version` of INFO.
    package static let current = "0.1.0"
}
