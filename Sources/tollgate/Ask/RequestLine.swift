import NIOCore
import TollgateWire

/// A request line from the words of a command line. The shell has removed quotes, so values that need them are quoted
/// again.
enum RequestLine {
    static func make(_ verb: Verb, _ words: [String]) -> ByteBuffer {
        var line = ByteBuffer(string: verb.name)
        for word in words {
            line.writeString(" ")
            guard let equals = word.firstIndex(of: "=") else {
                line.writeValue { $0.writeString(word) }
                continue
            }
            line.writeString(String(word[...equals]))
            let value = word[word.index(after: equals)...]
            if !value.isEmpty { line.writeValue { $0.writeString(String(value)) } }
        }
        line.writeString("\n")
        return line
    }
}
