import TollgateCore

/// A JSON document as ``DocumentNode``s with the text of its numbers. ``JSONDocument`` passes numbers through Foundation,
/// which rounds those with many digits.
enum ExactJSON {
    /// Parses a document.
    ///
    /// - Parameter file: The name in error messages. Nothing is read from it.
    /// - Returns: Numbers, `true`, `false` and `null` as plain scalars, strings as quoted ones. Members are sorted by key.
    ///   Nodes have no lines.
    static func root(of json: String, file: String) throws(OperatorError) -> DocumentNode {
        do throws(JSONParser.Fault) {
            return node(try JSONParser.value(of: json.utf8))
        } catch {
            let line = json.utf8.prefix(max(0, (error.byte ?? 1) - 1)).count { $0 == 0x0a } + 1
            throw OperatorError("\(file):\(line): \(error.sentence)")
        }
    }

    private static func node(_ json: ParsedJSON) -> DocumentNode {
        switch json {
        case .null: DocumentNode(.scalar("null", isPlain: true))
        case .bool(let truth): DocumentNode(.scalar("\(truth)", isPlain: true))
        case .number(let text): DocumentNode(.scalar(text, isPlain: true))
        case .string(let text): DocumentNode(.scalar(text, isPlain: false))
        case .array(let items): DocumentNode(.list(items.map(node)))
        case .object(let members):
            DocumentNode(
                .map(
                    members.sorted { $0.key < $1.key }.map {
                        DocumentNode.Member(key: DocumentNode(.scalar($0.key, isPlain: false)), value: node($0.value))
                    }))
        }
    }
}
