/// The word that was probably meant: the one with the fewest letters changed, added, left out or swapped; nil where none
/// is near.
package func nearestWord(to text: String, among words: [String]) -> String? {
    // A long key is not a slip of the fingers, and the distance takes the product of the lengths.
    guard text.utf8.count <= 40 else { return nil }
    let distances = words.map { (word: $0, distance: editDistance(Array(text.utf8), Array($0.utf8))) }
    guard let nearest = distances.min(by: { $0.distance < $1.distance }) else { return nil }
    return nearest.distance <= max(1, min(3, nearest.word.utf8.count / 3)) ? nearest.word : nil
}

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
