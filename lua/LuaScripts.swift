/// The Lua sources as they stand beside this file, embedded at build time.
public enum LuaScripts {
    /// Applies a batch of operations; the contract is its header comment.
    public static let batch = join([
        PackageResources.window_lua, PackageResources.holds_lua, PackageResources.counters_lua,
        PackageResources.history_lua, PackageResources.batch_lua, PackageResources.plain_checks_lua,
        PackageResources.apply_lua,
    ])

    /// Reads what a scope has used; the contract is its header comment.
    public static let usage = join([
        PackageResources.window_lua, PackageResources.holds_lua, PackageResources.usage_lua,
    ])

    /// Looks up what administrators have set for scopes; the contract is its header comment.
    public static let policyLookup = join([PackageResources.policy_lookup_lua])

    /// One chunk, so that the later parts see the locals of the earlier ones.
    private static func join(_ parts: [[UInt8]]) -> String {
        parts.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n")
    }
}
