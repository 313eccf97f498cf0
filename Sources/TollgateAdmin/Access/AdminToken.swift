import Foundation
package import TollgatePolicy

/// The token that a sidecar generates, in a file that only its owner can read.
package struct AdminToken: Sendable {
    package var path: String
    package var text: String

    /// The path of the token in a folder.
    package static func path(inFolder folder: String) -> String { "\(folder)/admin-token" }

    /// Returns the token in a folder, which is created if it does not exist. An existing token is reused, so that its
    /// users keep access.
    ///
    /// - Throws: `OperatorError` if it cannot be created or read, or if others can read it.
    package static func make(inFolder folder: String) throws(OperatorError) -> AdminToken {
        let path = path(inFolder: folder)
        if let text = try read(path) { return AdminToken(path: path, text: text) }
        try write(RandomToken.hexadecimal(), to: path, inFolder: folder)
        // Another sidecar may have created the file first.
        guard let text = try read(path) else { throw OperatorError("\(path): was removed while it was read") }
        return AdminToken(path: path, text: text)
    }

    /// Returns the token that a sidecar has generated in a folder; nil if there is none.
    ///
    /// - Throws: `OperatorError` if it cannot be read, or if others can read it.
    package static func existing(inFolder folder: String) throws(OperatorError) -> AdminToken? {
        let path = path(inFolder: folder)
        return try read(path).map { AdminToken(path: path, text: $0) }
    }

    /// Reads the file. Returns nil if it does not exist.
    private static func read(_ path: String) throws(OperatorError) -> String? {
        let descriptor = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(path)
        }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw OperatorError("\(path): is not a file") }
        guard status.st_mode & 0o077 == 0 else {
            throw OperatorError(
                "\(path): is readable by others; run chmod 600 \(path), or delete it to generate a new token")
        }
        let data = try? file.read(upToCount: AccessSettings.Token.maxLength + 1)
        let text = data.flatMap { String(validating: $0, as: UTF8.self) }?
            .trimmingCharacters(in: .whitespacesAndNewlines)
        let range = AccessSettings.Token.minLength...AccessSettings.Token.maxLength
        guard let text, range.contains(text.utf8.count) else {
            throw OperatorError("\(path): expected a token of \(range.lowerBound) to \(range.upperBound) bytes")
        }
        return text
    }

    /// Creates the file atomically, without replacing an existing one.
    private static func write(_ token: String, to path: String, inFolder folder: String) throws(OperatorError) {
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw OperatorError("--data \(folder): the folder cannot be created: \(error.localizedDescription)")
        }
        let draft = "\(path).\(UUID().uuidString)"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw OperatorError(
                "--data \(folder): cannot write to the folder: \(String(cString: strerror(errno))); the sidecar keeps its "
                    + "admin token and its journal there, so give its user the right to write, or name another folder")
        }
        defer {
            close(descriptor)
            unlink(draft)
        }
        let bytes = Array("\(token)\n".utf8)
        guard fchmod(descriptor, 0o600) == 0, Foundation.write(descriptor, bytes, bytes.count) == bytes.count,
            fsync(descriptor) == 0, link(draft, path) == 0 || errno == EEXIST
        else { throw failure(path) }
    }

    private static func failure(_ path: String) -> OperatorError {
        OperatorError("\(path): \(String(cString: strerror(errno)))")
    }
}
