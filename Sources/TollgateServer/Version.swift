/// The sidecar's own version.
public enum Version {
    /// As in `version` of INFO.
    public static let current = "0.1.0"
}
