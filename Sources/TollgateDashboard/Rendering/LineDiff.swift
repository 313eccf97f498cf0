import TollgateAdmin

/// The difference of two texts, line by line.
struct LineDiff: Sendable {
    /// The texts that have a line.
    enum Side: Sendable {
        case both, before, after
    }

    /// The number of comparisons above which lines are not matched.
    private static let maxComparisons = 1_000_000

    private(set) var lines: [(side: Side, text: String)] = []

    init(_ before: [String], _ after: [String]) {
        guard before.count * after.count <= Self.maxComparisons else {
            lines = before.map { (.before, $0) } + after.map { (.after, $0) }
            return
        }
        // Byte for byte: String's == considers a composed and a decomposed é equal.
        let difference = after.difference(from: before) { $0.utf8.elementsEqual($1.utf8) }
        var (removed, added): (Set<Int>, Set<Int>) = ([], [])
        for change in difference {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): added.insert(offset)
            }
        }
        var (old, new) = (0, 0)
        while old < before.count || new < after.count {
            if removed.contains(old) {
                lines.append((.before, before[old]))
                old += 1
            } else if added.contains(new) {
                lines.append((.after, after[new]))
                new += 1
            } else {
                lines.append((.both, before[old]))
                (old, new) = (old + 1, new + 1)
            }
        }
    }

    /// The difference of two values as JSON. A missing value has no lines.
    init(_ before: JSONValue?, _ after: JSONValue?) {
        self.init(before?.lines() ?? [], after?.lines() ?? [])
    }

    /// The values of the template `diff`, of the lines on some sides.
    func context(_ sides: Set<Side> = [.both, .before, .after]) -> [TemplateContext] {
        lines.filter { sides.contains($0.side) }.map { side, text in
            switch side {
            case .both: ["same": "\(text)\n"]
            case .before: ["removed": text]
            case .after: ["added": text]
            }
        }
    }
}

extension JSONValue {
    /// The value as indented JSON.
    var indented: String { lines(separator: ",").joined(separator: "\n") }

    /// Returns the value as indented lines: one for each member or item. By default without commas, so that a line does
    /// not change with the next one.
    func lines(separator: String = "") -> [String] { lines(after: "", indent: "", end: "", separator) }

    private func lines(after key: String, indent: String, end: String, _ separator: String) -> [String] {
        func inner(_ parts: [(key: String, value: JSONValue)]) -> [String] {
            parts.enumerated().flatMap { index, part in
                part.value.lines(
                    after: part.key, indent: indent + "  ", end: index == parts.count - 1 ? "" : separator, separator)
            }
        }
        switch self {
        case .object(let members) where !members.isEmpty:
            let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            let parts = sorted.map { (key: "\(JSONValue.string($0.key).compact): ", value: $0.value) }
            return ["\(indent)\(key){"] + inner(parts) + ["\(indent)}\(end)"]
        case .array(let items) where !items.isEmpty:
            return ["\(indent)\(key)["] + inner(items.map { (key: "", value: $0) }) + ["\(indent)]\(end)"]
        default:
            return ["\(indent)\(key)\(compact)\(end)"]
        }
    }
}
