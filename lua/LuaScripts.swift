/// The Lua sources as they stand beside this file, embedded at build time.
public enum LuaScripts {
    /// Applies a batch of operations; the contract is its header comment.
    public static let batch = join([
        PackageResources.window_lua, PackageResources.holds_lua, PackageResources.counters_lua,
        PackageResources.rankings_lua, PackageResources.history_labels_lua, PackageResources.history_lua,
        PackageResources.history_refunds_lua, PackageResources.history_pages_lua, PackageResources.batch_lua,
        PackageResources.alerts_lua, PackageResources.notices_lua, PackageResources.plain_checks_lua,
        PackageResources.apply_lua,
    ])

    /// Reads what a scope has used; the contract is its header comment.
    public static let usage = join([
        PackageResources.window_lua, PackageResources.holds_lua, PackageResources.usage_lua,
    ])

    /// Looks up what administrators have set for scopes; the contract is its header comment.
    public static let policyLookup = join([PackageResources.policy_lookup_lua])

    /// Changes what administrators set; the contract is its header comment.
    public static let policyEdit = join([PackageResources.policy_edit_lua])

    /// Takes out of a scope's hash what has been published of its alerts; the contract is its header comment.
    public static let alertSettle = join([PackageResources.alert_settle_lua])

    /// Takes an alert of a limit that is gone out of a scope's hash; the contract is its header comment.
    public static let alertForget = join([PackageResources.alert_forget_lua])

    /// Takes counters of a scope away; the contract is its header comment.
    public static let policyReset = join([PackageResources.policy_reset_lua])

    /// Reads which scopes were seen; the contract is its header comment.
    public static let policySeen = join([PackageResources.policy_seen_lua])

    /// Opens an alert or moves it on; the contract is its header comment.
    public static let alertPublish = join([PackageResources.alert_publish_lua])

    /// Takes and keeps the lease of a handler; the contract is its header comment.
    public static let deliveryLease = join([PackageResources.delivery_lease_lua])

    /// Notes what became of a delivery; the contract is its header comment.
    public static let deliverySettle = join([PackageResources.delivery_settle_lua])

    /// Finds what was dropped before it was delivered; the contract is its header comment.
    public static let deliveryMissed = join([PackageResources.delivery_missed_lua])

    /// Compares the data in Redis with what a sidecar remembers of them; the contract is its header comment.
    public static let runMarker = join([PackageResources.run_marker_lua])

    /// One chunk, so that the later parts see the locals of the earlier ones.
    private static func join(_ parts: [[UInt8]]) -> String {
        parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    }
}
