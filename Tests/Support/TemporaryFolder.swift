package import Foundation

/// A folder that is deleted when this object is released.
package final class TemporaryFolder: Sendable {
    /// The absolute path, without a slash at the end.
    package let path: String

    /// Creates the folder in the system's folder for temporary files.
    package init() throws {
        path = NSTemporaryDirectory() + "tollgate-test-" + UUID().uuidString.prefix(13)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Creates an empty file in the folder, and replaces an existing one.
    package func emptyFile(_ name: String) throws -> URL {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        try Data().write(to: url)
        return url
    }

    /// Writes a file in the folder, replaces an existing one, and returns its path.
    @discardableResult
    package func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }
}
