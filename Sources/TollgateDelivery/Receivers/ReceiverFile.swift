import Foundation
import TollgateCore
package import TollgatePolicy
package import TollgateStores

/// The file of `--alerts`, from its text to receivers. Strict, as the policy file is; quotes no URL and no secret.
package struct ReceiverFile {
    /// In the file's order.
    package private(set) var receivers: [AlertReceiver] = []
    /// Whether the file itself holds URLs that may be secrets.
    package private(set) var holdsSecrets = false

    /// - Parameters:
    ///   - file: The name that problems are reported under.
    ///   - contents: Reads a file that is named in it.
    /// - Throws: everything that is wrong.
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
        guard items.count <= AlertReceiver.most else {
            return reader.reader.report(entry.position, "more than \(AlertReceiver.most) receivers")
        }
        var names: Set<String> = []
        for (index, item) in items.enumerated() {
            let place = PolicyReader.Position(line: item.position.line, path: ["receivers[\(index)]"])
            let receiver = reader.receiver(item.value, at: place) { name, place in
                // Whatever else is wrong with either of them.
                if !names.insert(name).inserted { reader.reader.report(place, "\(name): named twice") }
            }
            guard let receiver else { continue }
            receivers.append(receiver)
            switch receiver.target {
            case .webhook, .slack: holdsSecrets = holdsSecrets || item.value["url"] != nil
            case .log, .alertmanager, .pubsub: break
            }
        }
    }
}

extension PolicyProblem {
    /// Keys that are there twice are quoted, and so are those that lead there.
    fileprivate func withoutAddresses() -> PolicyProblem {
        let isPlain = !path.contains("://") && !sentence.contains("://")
        return isPlain ? self : PolicyProblem(file: file, line: line, path: "", sentence: "duplicate key")
    }
}
