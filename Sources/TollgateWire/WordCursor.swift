import TollgateCore

/// A cursor over the words of a line, or over one word of a RESP frame. It contains a borrowed pointer, and must not
/// outlive the call that created it.
struct WordCursor {
    let input: UnsafeRawBufferPointer
    /// The offset of the input in the bytes of the request.
    let origin: Int
    private(set) var position = 0
    /// Whether a space ends a word. In RESP the frame contains the length of a word.
    let spacesSeparate: Bool

    init(line: UnsafeRawBufferPointer) {
        input = line
        origin = 0
        spacesSeparate = true
    }

    init(word: UnsafeRawBufferPointer, origin: Int) {
        input = word
        self.origin = origin
        spacesSeparate = false
    }

    /// Moves to the next word; false if there is none.
    @inline(__always)
    mutating func moveToWord() -> Bool {
        let (input, end) = (input, input.count)
        guard spacesSeparate else { return position < end }
        var index = position
        while index < end, input[index] == UInt8(ascii: " ") { index &+= 1 }
        position = index
        return index < end
    }

    /// The current word from the position on, without consuming it.
    var word: UnsafeRawBufferPointer { input.part(position..<wordEnd) }

    /// The index of the end of the current word.
    private var wordEnd: Int {
        spacesSeparate ? input.index(of: UInt8(ascii: " "), from: position) ?? input.count : input.count
    }

    /// Consumes and returns the word, with any quotes.
    mutating func takeWord() -> UnsafeRawBufferPointer {
        let end = wordEnd
        defer { position = end }
        return input.part(position..<end)
    }

    /// The key of a `key=value` or `kind:id`.
    struct Key {
        let text: UnsafeRawBufferPointer
        /// The byte after the key: `=` or `:`.
        let separator: UInt8
        /// Whether the key is a lower-case letter, then up to 31 of `a-z 0-9 _`: the rule of `ScopeKind.isWellFormed`.
        let isWellFormed: Bool
    }

    /// Consumes `key=`, and returns the key. Nil, without a change, if the word has no `=`, or nothing before it.
    ///
    /// - Parameter endsAtColon: Whether a `:` ends a key too, if it comes before the `=`.
    mutating func takeKey(endsAtColon: Bool = false) -> Key? {
        let (input, start, end) = (input, position, input.count)
        var index = start
        while index < end, Self.isOfKey(input[index]) { index += 1 }
        if index > start, index < end, isSeparator(input[index], endsAtColon) {
            position = index + 1
            let isWellFormed = index - start <= Self.maxKeyLength && Self.isLetter(input[start])
            return Key(text: input.part(start..<index), separator: input[index], isWellFormed: isWellFormed)
        }
        while index < end, !isSeparator(input[index], endsAtColon) {
            if spacesSeparate, input[index] == UInt8(ascii: " ") { return nil }
            index += 1
        }
        guard index < end, index > start else { return nil }
        position = index + 1
        return Key(text: input.part(start..<index), separator: input[index], isWellFormed: false)
    }

    @inline(__always)
    private func isSeparator(_ byte: UInt8, _ endsAtColon: Bool) -> Bool {
        byte == UInt8(ascii: "=") || (endsAtColon && byte == UInt8(ascii: ":"))
    }

    private static let maxKeyLength = 32

    @inline(__always)
    private static func isLetter(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "a") < 26 }

    @inline(__always)
    private static func isOfKey(_ byte: UInt8) -> Bool {
        isLetter(byte) || byte == UInt8(ascii: "_") || byte &- UInt8(ascii: "0") <= 9
    }

    /// The indices of the `=` or `:` and of the end of the current word. Nil unless the key is well-formed, and the value
    /// one or more bytes of visible ASCII without quotes and plus signs.
    @inline(__always)
    func peekPlainField() -> (sign: Int, end: Int)? {
        let (input, start, end) = (input, position, input.count)
        var index = start
        // Nearly every key consists of letters.
        while index < end, Self.isLetter(input[index]) { index &+= 1 }
        guard index > start, index < end else { return nil }
        if input[index] != UInt8(ascii: "=") {
            while index < end, Self.isOfKey(input[index]) { index &+= 1 }
            guard index < end, input[index] == UInt8(ascii: "=") || input[index] == UInt8(ascii: ":") else {
                return nil
            }
        }
        let sign = index
        guard sign &- start <= Self.maxKeyLength else { return nil }
        index &+= 1
        while index < end, Self.isPlain(input[index]) { index &+= 1 }
        guard index > sign &+ 1, index == end || (spacesSeparate && input[index] == UInt8(ascii: " ")) else {
            return nil
        }
        return (sign, index)
    }

    /// Moves to an index past the position.
    mutating func moveTo(_ index: Int) { position = index }

    /// Whether a byte is visible ASCII other than `"` and `+`. Nearly every byte of an id follows `+` in ASCII, so that
    /// range is first.
    @inline(__always)
    private static func isPlain(_ byte: UInt8) -> Bool {
        if byte &- 0x2C <= 0x7E - 0x2C { return true }
        return byte &- 0x21 <= 0x2A - 0x21 && byte != UInt8(ascii: "\"")
    }

    /// Consumes a value and appends its bytes. They are not checked. In a line, a value that begins with `"` is a JSON
    /// string. A word of a RESP frame is taken as it is.
    mutating func takeValue(into bytes: inout GrowingBytes) throws(JSONStringFault) {
        guard spacesSeparate, position < input.count, input[position] == UInt8(ascii: "\"") else {
            bytes.append(takeWord())
            return
        }
        position = try JSONString.decode(input, from: position, into: &bytes)
        guard position == input.count || input[position] == UInt8(ascii: " ") else {
            throw .textAfterQuote
        }
    }
}
