/// The folder in which a sidecar keeps what must outlive it; this sidecar's alone for as long as the value lives.
///
/// The redis-server of our own locks its folder by itself: this is for a sidecar without one. Usable from any thread.
package final class DataFolder: Sendable {
    /// From the root.
    package let path: String
    private let lock: FolderLock

    /// Makes the folder where it is missing, for its owner only. Throws ``RedisError/embedded(_:)`` with a sentence that names
    /// `--data` when it cannot be made, or when another sidecar has it.
    package init(_ folder: String) throws(RedisError) {
        path = try EmbeddedRedis.prepareFolder(folder)
        lock = try FolderLock(folder: path)
    }
}
