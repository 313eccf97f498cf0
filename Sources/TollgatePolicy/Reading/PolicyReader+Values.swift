package import Yams

extension PolicyReader {
    /// The text of a scalar, quoted or not (in JSON always quoted); reports anything else.
    package func text(_ node: Node, at place: Place, expected: String) -> String? {
        guard let scalar = node.scalar, !node.isEmpty, !node.isNull, !isJSON || scalar.style != .plain else {
            report(self.place(of: node, at: place), "expected \(expected)")
            return nil
        }
        return scalar.string
    }

    /// A whole number written in plain decimal digits.
    package func wholeNumber(_ node: Node, at place: Place, in range: ClosedRange<Int64>) -> Int64? {
        let expected = "expected a whole number from \(range.lowerBound) to \(range.upperBound)"
        let place = self.place(of: node, at: place)
        guard let text = node.plainText, text.isDecimalDigits else {
            report(place, expected + found(node))
            return nil
        }
        guard let number = Int64(text), range.contains(number) else {
            report(place, expected + found(node))
            return nil
        }
        return number
    }

    /// `true` or `false`.
    package func truth(_ entry: Entry) -> Bool? {
        switch entry.value.plainText {
        case "true": return true
        case "false": return false
        default:
            report(place(of: entry.value, at: entry.place), "expected true or false\(found(entry.value))")
            return nil
        }
    }

    /// Percentages, ascending and without duplicates.
    package func thresholds(_ node: Node, at place: Place) -> [Int]? {
        let expected = "a list of whole numbers such as [80, 90, 95, 100]"
        guard node.sequence != nil else {
            report(self.place(of: node, at: place), "expected \(expected)")
            return nil
        }
        var thresholds: [Int] = []
        for item in items(of: node, at: place, expected: expected) {
            guard let number = wholeNumber(item.value, at: item.place, in: 1...1_000) else { return nil }
            guard thresholds.last.map({ $0 < number }) ?? true else {
                report(item.place, "expected ascending numbers, each of them once")
                return nil
            }
            thresholds.append(Int(number))
        }
        return thresholds
    }

    /// One of the words of an enumeration.
    package func word<Word: RawRepresentable<String> & CaseIterable>(_ node: Node, at place: Place, as type: Word.Type)
        -> Word?
    {
        let expected = Word.allCases.map(\.rawValue).joined(separator: " or ")
        guard let text = text(node, at: place, expected: expected) else { return nil }
        guard let word = Word(rawValue: text) else {
            report(self.place(of: node, at: place), "expected \(expected)\(found(node))")
            return nil
        }
        return word
    }

    /// The end of a sentence that says what stands there instead: at most 40 characters of it, and nothing
    /// where it might be a secret.
    package func found(_ node: Node) -> String {
        switch node {
        case .scalar(let scalar):
            let text = String(scalar.string.unicodeScalars.prefix(40))
            if node.isEmpty { return ", found nothing" }
            guard mayQuote(scalar.string) else { return "" }
            return scalar.style == .plain ? ", found \(text)" : ", found text in quotes: \"\(text)\""
        case .mapping: return ", found a map"
        case .sequence: return ", found a list"
        case .alias: return ""
        }
    }
}

extension String {
    /// Digits only, and none of the leading zeros that other readers of YAML take for octal.
    package var isDecimalDigits: Bool {
        !isEmpty && utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } && !hasLeadingZero
    }

    /// `007` or `00.5`, but not `0` or `0.5`.
    package var hasLeadingZero: Bool {
        utf8.first == 0x30 && utf8.dropFirst().first.map { $0 >= 0x30 && $0 <= 0x39 } ?? false
    }
}
