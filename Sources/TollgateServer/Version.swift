/// The sidecar's own version.
public enum Version {
    public static let current = "0.1.0"
}
