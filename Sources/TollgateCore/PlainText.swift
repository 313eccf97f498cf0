/// Makes text from outside the process safe to show in terminals and logs.
package enum PlainText {
    /// Replaces control characters, line ends and text direction marks by `?`.
    package static func oneLine(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: scalars.append("?")
            default: scalars.append(scalar)
            }
        }
        return String(scalars)
    }

    /// Cuts text that is longer than a number of characters, and ends it with `…`.
    package static func shortened(_ text: String, to maxLength: Int) -> String {
        text.unicodeScalars.count <= maxLength ? text : String(text.unicodeScalars.prefix(maxLength - 1)) + "…"
    }
}

/// The word that a mistyped text probably stands for: the one with the fewest letters changed, added, removed or
/// swapped. Nil if no word is near.
package func nearestWord(to text: String, among words: [String]) -> String? {
    // A long text is not a typo, and the time is the product of the lengths.
    guard text.utf8.count <= 40 else { return nil }
    let distances = words.map { (word: $0, distance: editDistance(Array(text.utf8), Array($0.utf8))) }
    guard let nearest = distances.min(by: { $0.distance < $1.distance }) else { return nil }
    return nearest.distance <= max(1, min(3, nearest.word.utf8.count / 3)) ? nearest.word : nil
}

/// The optimal string alignment distance of two words.
private func editDistance(_ lhs: [UInt8], _ rhs: [UInt8]) -> Int {
    var beforePrevious: [Int] = []
    var previous = Array(0...rhs.count)
    for row in 0..<lhs.count {
        var current = [row + 1]
        for column in 0..<rhs.count {
            var distance = previous[column] + (lhs[row] == rhs[column] ? 0 : 1)
            distance = min(distance, previous[column + 1] + 1, current[column] + 1)
            if row > 0, column > 0, lhs[row] == rhs[column - 1], lhs[row - 1] == rhs[column] {
                distance = min(distance, beforePrevious[column - 1] + 1)
            }
            current.append(distance)
        }
        beforePrevious = previous
        previous = current
    }
    return previous[rhs.count]
}
