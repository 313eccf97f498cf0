import Foundation

/// A file of text that somebody wrote for Tollgate: settings, keys, a token. Read whole, and only when it is asked for.
package struct TextFile: Sendable {
    /// A larger file is refused, in bytes.
    package static let maxSize = 1 << 20

    /// Why it cannot be used: the end of a sentence that begins with the file, `is not there`. Does not name it: where a name was
    /// asked for, a secret may stand.
    package struct Fault: Error {
        package var sentence: String

        package init(_ sentence: String) {
            self.sentence = sentence
        }
    }

    /// Where it is; symbolic links are followed each time.
    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// What stands in it.
    package func text() throws(Fault) -> String {
        let data: Data
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            data = try file.read(upToCount: Self.maxSize + 1) ?? Data()
        } catch {
            throw fault
        }
        guard data.count <= Self.maxSize else { throw Fault("larger than 1 MiB") }
        guard let text = String(validating: data, as: UTF8.self) else { throw Fault("is not UTF-8 text") }
        return text
    }

    /// What may not be, where it holds secrets. False where there is no such file.
    package var isReadableByOthers: Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o077 != 0
    }

    /// A file that is named in this one: names begin at its folder.
    package func neighbor(_ name: String) -> TextFile {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        return name.hasPrefix("/") ? TextFile(path: name) : TextFile(path: "\(folder)/\(name)")
    }

    /// Why it could not be read.
    private var fault: Fault {
        var status = stat()
        guard stat(path, &status) == 0 else { return Fault(errno == EACCES ? "may not be read" : "is not there") }
        if status.st_mode & S_IFMT == S_IFDIR { return Fault("is a folder") }
        return Fault(access(path, R_OK) == 0 ? "cannot be read" : "may not be read")
    }
}
