package import NIOCore

/// A function of a Redis library, with an equivalent script for a Redis that denies functions.
package struct RedisFunction: Sendable {
    /// The library that contains the function.
    package let library: RedisLibrary
    /// The name that the function is registered under, `<library>_<name>`.
    package let name: String
    private let fcall: ByteBuffer
    private let makeScript: @Sendable () -> String

    /// Creates a function of a library. `script` is evaluated at each access to ``script``.
    package init(_ name: String, of library: RedisLibrary, script: @escaping @autoclosure @Sendable () -> String) {
        self.library = library
        self.name = "\(library.name)_\(name)"
        fcall = Self.bulks("FCALL", self.name)
        makeScript = script
    }

    /// The text of the script, created at each access.
    package var script: String { makeScript() }

    /// Returns the encoded start of a call, up to its arguments.
    package func head(argumentCount: Int) -> ByteBuffer {
        Self.head(fcall, argumentCount)
    }

    /// Returns the encoded start of a script call by SHA-1, up to its arguments.
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
    /// The number of bulk strings.
    package var count: Int
    /// The arguments as RESP bulk strings.
    package var bytes: ByteBuffer

    /// Wraps arguments that are already encoded.
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

    /// Appends an argument.
    package mutating func append(_ argument: ByteBuffer) {
        count += 1
        bytes.writeString("$\(argument.readableBytes)\r\n")
        bytes.writeImmutableBuffer(argument)
        bytes.writeString("\r\n")
    }
}
