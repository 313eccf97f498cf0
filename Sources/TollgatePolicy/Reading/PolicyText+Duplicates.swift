import Yams

extension PolicyText {
    /// The error for keys that a mapping names twice.
    ///
    /// The parser tells the keys, and where the first of them stands for the first time. The second time, and the keys
    /// that lead there, are found by indentation; within `{ … }` the line of the first time has to do.
    func duplicate(_ keys: [String], firstAt mark: Mark) -> PolicyError {
        let path = enclosingKeys(line: mark.line, column: mark.column).joined(separator: ".")
        let again = keys.first.flatMap { secondLine(of: $0, after: mark) }
        let first = again.map { _ in " (first on line \(mark.line))" } ?? ""
        return error(again ?? mark.line, path, "duplicate key \(keys.joined(separator: ", "))\(first)")
    }

    private func secondLine(of key: String, after mark: Mark) -> Int? {
        guard mark.line <= lines.count, indentation(of: lines[mark.line - 1]) == mark.column - 1 else { return nil }
        for (index, line) in lines.enumerated().dropFirst(mark.line) where !isBlank(line) {
            let indentation = indentation(of: line)
            if indentation < mark.column - 1 { return nil }
            if indentation == mark.column - 1, leadingKey(of: line) == key { return index + 1 }
        }
        return nil
    }

    /// The keys above a place, outermost first, each on a line of its own that is indented less than the one below it.
    private func enclosingKeys(line: Int, column: Int) -> [String] {
        var keys: [String] = []
        var limit = column - 1
        for text in lines.prefix(line).reversed() where !isBlank(text) {
            let indentation = indentation(of: text)
            guard indentation < limit, let key = leadingKey(of: text) else { continue }
            keys.append(key)
            limit = indentation
        }
        return keys.reversed()
    }

    private func indentation(of line: Substring) -> Int {
        line.unicodeScalars.prefix { $0 == " " }.count
    }

    private func isBlank(_ line: Substring) -> Bool {
        let first = line.unicodeScalars.first { $0 != " " && $0 != "\t" && $0 != "\r" }
        return first == nil || first == "#"
    }

    /// What stands before the colon of `key: value`, without quotes.
    private func leadingKey(of line: Substring) -> String? {
        let text = line.unicodeScalars.drop { $0 == " " }
        // An item of a list has no name.
        guard !text.starts(with: "- ".unicodeScalars) else { return nil }
        if let quote = text.first, quote == "\"" || quote == "'" {
            return text.dropFirst().firstIndex(of: quote).map { String(text[text.index(after: text.startIndex)..<$0]) }
        }
        for index in text.indices where text[index] == ":" {
            let next = text.index(after: index)
            guard next < text.endIndex, ![" ", "\r"].contains(text[next]) else { return String(text[..<index]) }
        }
        return nil
    }
}
