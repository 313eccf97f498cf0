import Foundation
import TollgateCore
package import TollgatePolicy
package import TollgateStores

/// The file of `--alerts`, which lists the receivers of alerts. The sidecar reads it at startup and when it changes.
package struct AlertsFile: Sendable {
    /// The content of the file.
    package struct Contents: Sendable {
        /// The path of the file.
        package var path: String
        package var receivers: [AlertReceiver]
        /// The paths of the files that this one names: URLs and secrets.
        package var namedFiles: [String]
        /// The paths of those files that contain secrets.
        package var secretFiles: [String]
        /// Sentences for the log.
        package var warnings: [String]
    }

    private let file: TextFile

    package init(path: String) {
        file = TextFile(path: path)
    }

    /// Reads the file and the files that it names. Errors name the file, the line and the key, and quote neither URLs
    /// nor secrets.
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
        let namedFiles = files.map(\.path)
        if parsed.holdsSecrets { files.insert(file, at: 0) }
        var warnings = files.filter(\.isReadableByOthers).map {
            "--alerts \(file.path): others can read \($0.path); chmod 600 \($0.path)"
        }
        if parsed.receivers.isEmpty {
            warnings.append(
                "--alerts \(file.path): receivers: [] lists no receiver: alerts are not delivered, not even to the log")
        }
        return Contents(
            path: file.path, receivers: parsed.receivers, namedFiles: namedFiles, secretFiles: files.map(\.path),
            warnings: warnings)
    }
}

/// The receivers in the text of the file of `--alerts`. It is parsed as strictly as the policy file. Errors quote
/// neither URLs nor secrets.
package struct ReceiverFile {
    /// The receivers in the order of the file.
    package private(set) var receivers: [AlertReceiver] = []
    /// Whether the file itself contains URLs that may be secrets.
    package private(set) var holdsSecrets = false

    /// Parses a file.
    ///
    /// - Parameters:
    ///   - file: The name of the file, for error messages.
    ///   - contents: Reads a file that this one names.
    /// - Throws: All problems of the file.
    package init(
        yaml: String, file: String, contents: @escaping (String) throws(TextFile.Fault) -> String
    ) throws(PolicyError) {
        let reader = PolicyReader(file: file, holdsSecrets: true)
        let top = PolicyReader.Position(line: 1, path: [])
        let root = try Self.root(of: yaml, file: file)
        let entries = root.map {
            reader.entries(of: $0, at: top, expected: "receivers:", allowed: ["receivers"])
        }
        if let entry = entries?.first {
            read(entry, ReceiverEntryReader(reader: reader, contents: contents))
        } else if reader.problems.isEmpty {
            reader.report(top, "expected receivers:")
        }
        guard reader.problems.isEmpty else { throw PolicyError(problems: reader.problems.sortedByLine()) }
    }

    private static func root(of yaml: String, file: String) throws(PolicyError) -> DocumentNode? {
        do throws(PolicyError) {
            return try YAMLDocument(yaml: yaml, file: file).root()
        } catch {
            throw PolicyError(problems: error.problems.map { $0.withoutAddresses() })
        }
    }

    private mutating func read(_ entry: PolicyReader.Entry, _ reader: ReceiverEntryReader) {
        let items = reader.reader.items(of: entry.value, at: entry.position, expected: "a list of { name, type, … }")
        guard items.count <= AlertReceiver.maxReceivers else {
            return reader.reader.report(entry.position, "more than \(AlertReceiver.maxReceivers) receivers")
        }
        var names: Set<String> = []
        for (index, item) in items.enumerated() {
            let position = PolicyReader.Position(line: item.position.line, path: ["receivers[\(index)]"])
            let receiver = reader.receiver(item.value, at: position) { name, position in
                // Reports a duplicate even if either receiver has other problems.
                if !names.insert(name).inserted { reader.reader.report(position, "\(name): duplicate name") }
            }
            guard let receiver else { continue }
            receivers.append(receiver)
            switch receiver.endpoint {
            case .webhook, .slack: holdsSecrets = holdsSecrets || item.value["url"] != nil
            case .log, .alertmanager, .pubsub: break
            }
        }
    }
}

extension PolicyProblem {
    /// Removes the path and the key if they quote a URL, as duplicate keys and the path to them do.
    fileprivate func withoutAddresses() -> PolicyProblem {
        let isPlain = !path.contains("://") && !sentence.contains("://")
        return isPlain ? self : PolicyProblem(file: file, line: line, path: "", sentence: "duplicate key")
    }
}
