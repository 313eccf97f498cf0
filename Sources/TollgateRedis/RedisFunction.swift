package import NIOCore

/// A function of a library in Redis, and the script that does the same where Redis lets us have no functions.
package struct RedisFunction: Sendable {
    /// The library to load where Redis does not have the function.
    package let library: RedisLibrary
    /// The name that the function is registered under, `<library>_<name>`.
    package let name: String
    private let fcall: ByteBuffer
    private let text: @Sendable () -> String

    /// Creates the function of that name in a library, which calls it `<library>_<name>`.
    package init(_ name: String, of library: RedisLibrary, script: @escaping @autoclosure @Sendable () -> String) {
        self.library = library
        self.name = "\(library.name)_\(name)"
        fcall = Self.bulks("FCALL", self.name)
        text = script
    }

    /// The text of the script; made at each call.
    package var script: String { text() }

    /// Returns what stands in front of the arguments of a call.
    package func head(argumentCount: Int) -> ByteBuffer {
        Self.head(fcall, argumentCount)
    }

    /// Returns what stands in front of the arguments of a call of a script, by its SHA-1.
    package static func head(ofScript sha: String, argumentCount: Int) -> ByteBuffer {
        head(bulks("EVALSHA", sha), argumentCount)
    }

    private static func head(_ words: ByteBuffer, _ argumentCount: Int) -> ByteBuffer {
        var head = ByteBuffer(string: "*\(argumentCount + 2)\r\n")
        head.writeImmutableBuffer(words)
        return head
    }

    private static func bulks(_ words: String...) -> ByteBuffer {
        var buffer = ByteBuffer()
        for word in words { RedisCommand.encodeBulk(word, into: &buffer) }
        return buffer
    }
}

/// The arguments of a function: the number of keys, the keys, and the other arguments.
package struct RedisFunctionArguments: Sendable {
    /// How many bulk strings there are.
    package var count: Int
    /// The arguments as bulk strings of RESP.
    package var bytes: ByteBuffer

    /// Takes arguments that are encoded already.
    package init(count: Int, bytes: ByteBuffer) {
        self.count = count
        self.bytes = bytes
    }

    /// Encodes keys and arguments.
    package init(keys: [String], arguments: [String] = []) {
        let words = ["\(keys.count)"] + keys + arguments
        count = words.count
        bytes = ByteBuffer()
        for word in words { RedisCommand.encodeBulk(word, into: &bytes) }
    }
}
