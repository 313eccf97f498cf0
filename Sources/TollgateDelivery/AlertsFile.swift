import Foundation
package import TollgateCore

/// The file of `--alerts`: who is told of alerts. Read once, at the start.
package struct AlertsFile: Sendable {
    /// What it says.
    package struct Contents: Sendable {
        package var handlers: [AlertHandler]
        /// Sentences for the log.
        package var warnings: [String]
    }

    private static let largestSize = 1 << 20

    private let path: String

    package init(path: String) {
        self.path = path
    }

    /// Throws a sentence that names the file, the line and the key, and quotes no URL and no secret.
    package func read() throws(DeliveryError) -> Contents {
        let text: String
        switch Self.text(path) {
        case .success(let contents): text = contents
        case .failure(let fault): throw DeliveryError("--alerts \(path): \(fault.sentence)")
        }
        var files: [String] = []
        let file: AlertHandlerFile
        do {
            file = try AlertHandlerFile(yaml: text, file: path) { name in
                let path = resolved(name)
                files.append(path)
                return Self.text(path)
            }
        } catch {
            throw DeliveryError("\(error)")
        }
        if file.holdsSecrets { files.insert(path, at: 0) }
        let warnings = files.filter(Self.isReadableByOthers).map {
            "--alerts \(path): others can read \($0); chmod 600 \($0)"
        }
        return Contents(handlers: file.handlers, warnings: warnings)
    }

    /// Paths in the file begin at its folder.
    private func resolved(_ name: String) -> String {
        name.hasPrefix("/") ? name : URL(fileURLWithPath: path).deletingLastPathComponent().path + "/" + name
    }

    private static func text(_ path: String) -> Result<String, AlertHandlerFile.Fault> {
        let data: Data
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            data = try file.read(upToCount: largestSize + 1) ?? Data()
        } catch {
            return .failure(.init(fault(path)))
        }
        guard data.count <= largestSize else { return .failure(.init("larger than 1 MiB")) }
        guard let text = String(validating: data, as: UTF8.self) else { return .failure(.init("is not UTF-8 text")) }
        return .success(text)
    }

    /// Why it could not be read.
    private static func fault(_ path: String) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return errno == EACCES ? "may not be read" : "is not there" }
        if status.st_mode & S_IFMT == S_IFDIR { return "is a folder" }
        return access(path, R_OK) == 0 ? "cannot be read" : "may not be read"
    }

    private static func isReadableByOthers(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & 0o077 != 0
    }
}
