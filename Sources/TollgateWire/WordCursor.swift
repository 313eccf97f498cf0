/// Walks over the words of a line, or over one word of a RESP frame. Holds a borrowed pointer, so it must not outlive the
/// call that made it.
struct WordCursor {
    let input: UnsafeRawBufferPointer
    private(set) var position = 0
    /// Whether a space ends a word. Not in RESP, where the frame says how long a word is.
    let spacesSeparate: Bool

    init(line: UnsafeRawBufferPointer) {
        input = line
        spacesSeparate = true
    }

    init(word: UnsafeRawBufferPointer) {
        input = word
        spacesSeparate = false
    }

    /// Moves to the next word; false when there is none.
    mutating func moveToWord() -> Bool {
        while spacesSeparate, position < input.count, input[position] == UInt8(ascii: " ") { position += 1 }
        return position < input.count
    }

    /// From the position to the end of the word.
    private var wordEnd: Int {
        spacesSeparate ? input.index(of: UInt8(ascii: " "), from: position) ?? input.count : input.count
    }

    /// Takes the word as it stands, quotes and all.
    mutating func takeWord() -> UnsafeRawBufferPointer {
        let end = wordEnd
        defer { position = end }
        return input.part(position..<end)
    }

    /// Takes `key=`, and gives the key; nil, and takes nothing, when the word has no `=` or nothing before it.
    mutating func takeKey() -> UnsafeRawBufferPointer? {
        let (input, end) = (input, input.count)
        var index = position
        while index < end {
            let byte = input[index]
            if byte == UInt8(ascii: "=") { break }
            if byte == UInt8(ascii: " "), spacesSeparate { return nil }
            index += 1
        }
        guard index < input.count, index > position else { return nil }
        defer { position = index + 1 }
        return input.part(position..<index)
    }

    /// Takes the value after a key that was just taken, and gives the whole `key=value`; nil, and takes nothing, unless the value
    /// is one or more bytes of visible ASCII without quotes and plus signs.
    mutating func takePlainField(_ key: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let end = wordEnd
        guard end > position, input.isPlain(position..<end) else { return nil }
        defer { position = end }
        return input.part(position - key.count - 1..<end)
    }

    /// Takes a value, which is a JSON string where it begins with `"`, and appends its bytes without checking them.
    mutating func takeValue(into bytes: inout [UInt8]) throws(JSONStringFault) {
        guard position < input.count, input[position] == UInt8(ascii: "\"") else {
            bytes.append(contentsOf: takeWord())
            return
        }
        position = try JSONString.decode(input, from: position, into: &bytes)
        guard position == input.count || (spacesSeparate && input[position] == UInt8(ascii: " ")) else {
            throw .textAfterQuote
        }
    }
}
