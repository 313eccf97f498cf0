import Foundation
import TollgateCore
import TollgatePolicy
import TollgateStores

/// Reads one receiver of the file of `--alerts`. A new one is created for each reading of the file.
struct ReceiverEntryReader {
    let reader: PolicyReader
    let contents: (String) throws(TextFile.Fault) -> String

    private static let commonKeys = ["name", "type", "kinds", "meters", "severities"]

    /// Reads a receiver; nil if there is a problem, which is then reported. Calls `named` with the name even if there
    /// is another problem.
    func receiver(
        _ node: DocumentNode, at position: PolicyReader.Position, named: (String, PolicyReader.Position) -> Void
    ) -> AlertReceiver? {
        let allowed = Self.commonKeys + ["url", "url_file", "secret_file", "channel"]
        let entries = reader.entries(of: node, at: position, expected: "{ name, type, … }", allowed: allowed)
        guard node.members != nil else { return nil }
        let fields = Dictionary(entries.map { ($0.key, $0) }) { first, _ in first }
        let before = reader.problems.count
        let name = name(fields["name"], at: position)
        if let name, let entry = fields["name"] { named(name, entry.position) }
        let filter = filter(fields)
        guard let type = required("type", fields, at: position).flatMap({ word($0, as: AlertReceiverType.self) }) else {
            return nil
        }
        for entry in entries where !(Self.commonKeys + type.keys).contains(entry.key) {
            reader.report(entry.position, "receivers of type \(type.rawValue) have no such key")
        }
        guard let endpoint = endpoint(type, fields, at: position), let name, reader.problems.count == before else {
            return nil
        }
        return AlertReceiver(name: name, endpoint: endpoint, filter: filter)
    }

    private func required(
        _ key: String, _ fields: [String: PolicyReader.Entry], at position: PolicyReader.Position
    ) -> PolicyReader.Entry? {
        if let entry = fields[key] { return entry }
        reader.report(position.at(key, line: position.line), "is missing")
        return nil
    }

    private func name(_ entry: PolicyReader.Entry?, at position: PolicyReader.Position) -> String? {
        guard let entry = required("name", entry.map { ["name": $0] } ?? [:], at: position),
            let name = reader.text(entry.value, at: entry.position, expected: "a name")
        else { return nil }
        let isWellFormed =
            name.utf8.first.map { (0x61...0x7a).contains($0) } == true && name.utf8.count <= 32
            && name.utf8.allSatisfy {
                (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5f || $0 == 0x2d
            }
        guard isWellFormed else {
            reader.report(entry.position, "expected a lower-case letter, then up to 31 of a-z 0-9 _ -")
            return nil
        }
        return name
    }

    // MARK: - Endpoint

    private func endpoint(
        _ type: AlertReceiverType, _ fields: [String: PolicyReader.Entry], at position: PolicyReader.Position
    ) -> AlertReceiver.Endpoint? {
        switch type {
        case .log: return .log
        case .pubsub:
            return required("channel", fields, at: position).flatMap(channel).map { .pubsub(channel: $0) }
        case .slack: return address(fields, at: position).map { .slack($0) }
        case .alertmanager:
            guard let address = address(fields, at: position) else { return nil }
            guard !address.hasQuery else {
                let urlPosition = (fields["url"] ?? fields["url_file"])?.position ?? position
                reader.report(urlPosition, "expected a URL without ?, to which /api/v2/alerts is added")
                return nil
            }
            return .alertmanager(address)
        case .webhook:
            let secret = fields["secret_file"].flatMap(secret)
            return address(fields, at: position).map { .webhook($0, secret: secret) }
        }
    }

    private func address(_ fields: [String: PolicyReader.Entry], at position: PolicyReader.Position) -> WebAddress? {
        let entry: PolicyReader.Entry
        let text: String?
        switch (fields["url"], fields["url_file"]) {
        case (let url?, nil):
            entry = url
            text = reader.text(url.value, at: url.position, expected: "a URL such as https://hooks.example.com/path")
        case (nil, let file?):
            entry = file
            text = fileText(file)
        default:
            reader.report(position, "expected one of url and url_file")
            return nil
        }
        guard let text else { return nil }
        do throws(WebAddressError) {
            return try WebAddress(parsing: text)
        } catch {
            reader.report(reader.position(of: entry.value, at: entry.position), error.description)
            return nil
        }
    }

    private func secret(_ entry: PolicyReader.Entry) -> AlertReceiver.Secret? {
        guard let text = fileText(entry) else { return nil }
        let range = AlertReceiver.Secret.range
        guard range.contains(text.utf8.count) else {
            reader.report(entry.position, "the file must contain \(range.lowerBound) to \(range.upperBound) bytes")
            return nil
        }
        return AlertReceiver.Secret(text)
    }

    /// Returns the content of the named file without surrounding white space.
    private func fileText(_ entry: PolicyReader.Entry) -> String? {
        guard let name = reader.text(entry.value, at: entry.position, expected: "the name of a file") else {
            return nil
        }
        do throws(TextFile.Fault) {
            return try contents(name).trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            reader.report(entry.position, "the file \(error.sentence)")
            return nil
        }
    }

    private func channel(_ entry: PolicyReader.Entry) -> String? {
        guard let text = reader.text(entry.value, at: entry.position, expected: "the name of a channel") else {
            return nil
        }
        let isPlain = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        guard (1...256).contains(text.utf8.count), isPlain else {
            reader.report(entry.position, "expected 1 to 256 bytes without control characters")
            return nil
        }
        return text
    }

    // MARK: - Filter

    private func filter(_ fields: [String: PolicyReader.Entry]) -> AlertReceiver.Filter {
        var filter = AlertReceiver.Filter()
        filter.kinds = fields["kinds"].map { set($0, expected: "a list of kinds such as [user, user+tool]", kind) }
        filter.meters = fields["meters"].map { set($0, expected: "a list of meters such as [cost]", meter) }
        filter.severities = fields["severities"].map { entry in
            set(entry, expected: "a list such as [critical]") { word($0, as: Alert.Severity.self) }
        }
        return filter
    }

    private func set<Item: Hashable>(
        _ entry: PolicyReader.Entry, expected: String, _ item: (PolicyReader.Entry) -> Item?
    ) -> Set<Item> {
        var set: Set<Item> = []
        let items = reader.items(of: entry.value, at: entry.position, expected: expected + foundNoList(entry.value))
        if items.isEmpty, entry.value.items != nil {
            reader.report(entry.position, "expected \(expected); omit the key to match all")
        }
        for node in items {
            guard let value = item(.init(key: entry.key, position: node.position, value: node.value)) else { continue }
            if !set.insert(value).inserted { reader.report(node.position, "\(value): duplicate value") }
        }
        return set
    }

    private func foundNoList(_ node: DocumentNode) -> String { node.items == nil ? reader.found(node) : "" }

    private func kind(_ entry: PolicyReader.Entry) -> ScopeKind? {
        guard let text = reader.text(entry.value, at: entry.position, expected: "a kind such as user") else {
            return nil
        }
        do throws(ScopeError) {
            return try ScopeKind(parsing: text)
        } catch {
            // The description quotes the text.
            reader.report(entry.position, reader.mayQuote(text) ? error.description : "expected a kind such as user")
            return nil
        }
    }

    private func meter(_ entry: PolicyReader.Entry) -> Meter? {
        let names = Meter.allCases.map(\.name).joined(separator: ", ")
        guard let text = reader.text(entry.value, at: entry.position, expected: "one of \(names)") else { return nil }
        guard let meter = Meter(name: text) else {
            reader.report(entry.position, "expected one of \(names)\(reader.found(entry.value))")
            return nil
        }
        return meter
    }

    private func word<Word: RawRepresentable<String> & CaseIterable>(
        _ entry: PolicyReader.Entry, as type: Word.Type
    ) -> Word? {
        reader.word(entry.value, at: entry.position, as: type)
    }
}
