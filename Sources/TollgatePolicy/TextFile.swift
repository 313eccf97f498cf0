import Foundation

/// A text file of an operator: settings, keys, a token. Each call of ``text()`` reads the whole file.
package struct TextFile: Sendable {
    /// The maximum size in bytes.
    package static let maxSize = 1 << 20

    /// The error of a file: the end of a sentence that begins with the file's name, such as `does not exist`.
    ///
    /// It does not contain the name: an operator may have given a secret instead of a file name.
    package struct Fault: Error {
        package var sentence: String

        package init(_ sentence: String) {
            self.sentence = sentence
        }
    }

    /// The path. Symbolic links are resolved at each reading.
    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// Reads the text. Throws for a file that is missing, unreadable, not a regular file, too large or not UTF-8.
    ///
    /// - Parameter maxSize: The maximum size in bytes, a whole number of MiB.
    package func text(maxSize: Int = Self.maxSize) throws(Fault) -> String {
        // Neither opening nor reading may wait for another process, as they do for a pipe: the reload of a file would never
        // end.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else { throw fault }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw fault }
        if let fault = Self.fault(ofKind: status) { throw fault }
        let data: Data
        do {
            data = try file.read(upToCount: maxSize + 1) ?? Data()
        } catch {
            throw fault
        }
        guard data.count <= maxSize else { throw Fault("is larger than \(maxSize >> 20) MiB") }
        guard let text = String(validating: data, as: UTF8.self) else { throw Fault("is not UTF-8 text") }
        return text
    }

    /// Replaces the file by a new one with this text, at once: readers see the old text or the new one, never a part. The
    /// mode of the new file is 644. A symbolic link stays, and the file that it names is replaced.
    package func replace(with text: String) throws(Fault) {
        let target = realpath(path, nil).map { resolved in
            defer { free(resolved) }
            return String(cString: resolved)
        }
        let draft = "\(target ?? path).\(getpid()).draft"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.writingFault }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        do {
            // Whatever the mask of the process is: the sidecar may run as another user.
            guard fchmod(descriptor, 0o644) == 0 else { throw Self.writingFault }
            try file.write(contentsOf: Data(text.utf8))
            guard fsync(descriptor) == 0, rename(draft, target ?? path) == 0 else { throw Self.writingFault }
        } catch {
            let fault = error as? Fault ?? Self.writingFault
            unlink(draft)
            throw fault
        }
    }

    private static var writingFault: Fault { Fault("cannot be written: \(String(cString: strerror(errno)))") }

    /// Whether the group or others have any access to the file, which is wrong for secrets. False if there is no such
    /// file.
    package var isReadableByOthers: Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o077 != 0
    }

    /// Returns the error about a secret to which every user of the host has any access, and not only the group of the file,
    /// as a container can need. Nil for other files, and if there is no such file.
    ///
    /// - Parameter name: The beginning of the error: the option.
    package func exposure(named name: String) -> OperatorError? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & 0o007 != 0 else { return nil }
        return OperatorError(
            "\(name): every user of this host has access to the secret in \(path); run chmod 600 \(path)")
    }

    /// A file that this file names. A relative name starts at this file's folder.
    package func neighbor(_ name: String) -> TextFile {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        return name.hasPrefix("/") ? TextFile(path: name) : TextFile(path: "\(folder)/\(name)")
    }

    /// The fault of a file that is not a regular one; nil for one that is.
    private static func fault(ofKind status: stat) -> Fault? {
        switch status.st_mode & S_IFMT {
        case S_IFREG: nil
        case S_IFDIR: Fault("is a directory")
        case S_IFIFO: Fault("is a pipe; expected a regular file")
        default: Fault("is not a regular file")
        }
    }

    /// The reason why the file could not be read.
    private var fault: Fault {
        var status = stat()
        guard stat(path, &status) == 0 else {
            return Fault(errno == EACCES ? "cannot be read: permission denied" : "does not exist")
        }
        if let fault = Self.fault(ofKind: status) { return fault }
        return Fault(access(path, R_OK) == 0 ? "cannot be read" : "cannot be read: permission denied")
    }
}
