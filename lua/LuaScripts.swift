/// The Lua sources as they stand beside this file, embedded at build time.
public enum LuaScripts {
    /// Applies a batch of operations; the contract is its header comment.
    public static let batch = text(PackageResources.window_lua) + "\n" + text(PackageResources.batch_lua)

    /// Reads what a scope has used; the contract is its header comment.
    public static let usage = text(PackageResources.window_lua) + "\n" + text(PackageResources.usage_lua)

    private static func text(_ bytes: [UInt8]) -> String {
        String(decoding: bytes, as: UTF8.self)
    }
}
