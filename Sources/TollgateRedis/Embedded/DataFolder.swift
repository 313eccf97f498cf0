/// A sidecar's folder for persistent data, locked for this sidecar as long as the value lives.
///
/// For a sidecar without an embedded redis-server, which locks its folder itself. Usable from any thread.
package final class DataFolder: Sendable {
    /// The absolute path.
    package let path: String
    private let lock: FolderLock

    /// Locks the folder. Creates it, for its owner only, where it is missing.
    ///
    /// Throws ``RedisError/embedded(_:)`` with a sentence that names `--data` when the folder cannot be created, or when
    /// another sidecar uses it.
    package init(_ folder: String) throws(RedisError) {
        path = try EmbeddedRedis.prepareFolder(folder)
        lock = try FolderLock(folder: path)
    }
}
