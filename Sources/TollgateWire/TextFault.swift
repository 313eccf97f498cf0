/// Why bytes are not text that a value may hold.
enum TextFault: Error {
    case invalidUTF8
    case controlCharacter

    /// The end of the sentence `user: …`.
    var explanation: String {
        switch self {
        case .invalidUTF8: "invalid UTF-8"
        case .controlCharacter: "control character"
        }
    }

    /// Looks for the first fault: anything but well-formed UTF-8, or a control character (C0, DEL, C1).
    init?(in bytes: UnsafeRawBufferPointer) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x80 {
                guard byte >= 0x20, byte != 0x7F else {
                    self = .controlCharacter
                    return
                }
                index += 1
                continue
            }
            let length = Self.sequenceLength(in: bytes, at: index)
            guard length > 0 else {
                self = .invalidUTF8
                return
            }
            // U+0080 … U+009F
            if byte == 0xC2, bytes[index + 1] < 0xA0 {
                self = .controlCharacter
                return
            }
            index += length
        }
        return nil
    }

    /// The length of the sequence that begins with a byte of 0x80 or more; 0 when it is not well-formed (Unicode 16, table
    /// 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
    private static func sequenceLength(in bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch bytes[index] {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return 0
        }
        guard index + length <= bytes.count, second.contains(bytes[index + 1]) else { return 0 }
        for offset in 2..<max(2, length) where bytes[index + offset] & 0xC0 != 0x80 { return 0 }
        return length
    }
}
