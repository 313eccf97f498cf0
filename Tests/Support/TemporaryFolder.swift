package import Foundation

/// A folder that is gone with the value that names it.
package final class TemporaryFolder: Sendable {
    /// From the root, without a slash at the end.
    package let path: String

    /// Makes the folder where the system keeps such things.
    package init() throws {
        path = NSTemporaryDirectory() + "tollgate-test-" + UUID().uuidString.prefix(13)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Makes an empty file in the folder, in place of one of that name.
    package func emptyFile(_ name: String) throws -> URL {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        try Data().write(to: url)
        return url
    }

    /// Writes a file in the folder, in place of one of that name, and gives its path.
    @discardableResult
    package func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }
}
