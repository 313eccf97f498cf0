import TollgateCore

/// The contents of a price file: prices as under `prices:` of a policy file, and their currency.
package struct PriceFile: Sendable, Equatable {
    /// The prices.
    package var table = PriceTable()
    /// The currency of the prices; nil if the file does not say.
    package var currency: String?

    /// Reads a price file.
    ///
    /// - Throws: An `OperatorError` if it cannot be read; a `PolicyError` if it is invalid.
    package init(path: String) throws {
        let text: String
        do throws(TextFile.Fault) {
            text = try TextFile(path: path).text()
        } catch {
            throw OperatorError("\(path): \(error.sentence)")
        }
        try self.init(yaml: text, file: path)
    }

    /// Reads the text of a price file.
    ///
    /// - Parameters:
    ///   - yaml: At most 1 MiB.
    ///   - file: The name that problems are reported under. Nothing is read from it.
    /// - Throws: All problems of the file. A file without prices is one: it was emptied, or is still being written.
    package init(yaml: String, file: String) throws(PolicyError) {
        let reader = PolicyReader(file: file)
        let root = try YAMLDocument(yaml: yaml, file: file).root()
        let start = PolicyReader.Position(line: 1, path: [])
        if let root, !root.isEmpty {
            let entries = reader.entries(
                of: root, at: start, expected: "a map with prices:", allowed: ["currency", "prices"])
            for entry in entries {
                switch entry.key {
                case "currency": currency = reader.currency(entry)
                case "prices": table = reader.prices(entry)
                default: break
                }
            }
        }
        if reader.problems.isEmpty, table.count == 0 {
            reader.report(start, "no prices: expected at least one under prices:")
        }
        guard reader.problems.isEmpty else { throw PolicyError(problems: reader.problems.sortedByLine()) }
    }
}
