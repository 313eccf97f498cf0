import TollgateCore
package import TollgatePolicy
package import TollgateStores

/// The file of `--alerts`: who is told of alerts. Read once, at the start.
package struct AlertsFile: Sendable {
    /// What it says.
    package struct Contents: Sendable {
        package var receivers: [AlertReceiver]
        /// Sentences for the log.
        package var warnings: [String]
    }

    private let file: TextFile

    package init(path: String) {
        file = TextFile(path: path)
    }

    /// Throws a sentence that names the file, the line and the key, and quotes no URL and no secret.
    package func read() throws(OperatorError) -> Contents {
        let text: String
        do throws(TextFile.Fault) {
            text = try file.text()
        } catch {
            throw OperatorError("--alerts \(file.path): \(error.sentence)")
        }
        var files: [TextFile] = []
        let parsed: ReceiverFile
        do {
            parsed = try ReceiverFile(yaml: text, file: file.path) { name throws(TextFile.Fault) in
                let named = file.neighbor(name)
                files.append(named)
                return try named.text()
            }
        } catch {
            throw OperatorError("\(error)")
        }
        if parsed.holdsSecrets { files.insert(file, at: 0) }
        var warnings = files.filter(\.isReadableByOthers).map {
            "--alerts \(file.path): others can read \($0.path); chmod 600 \($0.path)"
        }
        if parsed.receivers.isEmpty {
            warnings.append(
                "--alerts \(file.path): receivers: [] names none: nobody is told of alerts, not even the log")
        }
        return Contents(receivers: parsed.receivers, warnings: warnings)
    }
}
