package import NIOCore

/// A function of a library in Redis, and the script that does the same where Redis lets us have no functions.
package struct RedisFunction: Sendable {
    /// The library to load where Redis does not have the function.
    package let library: RedisLibrary
    /// The name that the function is registered under, `<library>_<name>`.
    package let name: String
    /// The text of the script.
    package let script: String
    /// The SHA-1 of the script, as 40 lower-case hexadecimal digits.
    package let sha: String
    private let fcall: ByteBuffer
    private let evalsha: ByteBuffer

    /// Creates the function of that name in a library, which calls it `<library>_<name>`.
    package init(_ name: String, of library: RedisLibrary, script: String) {
        self.library = library
        self.name = "\(library.name)_\(name)"
        self.script = script
        sha = SHA1.hex(of: script)
        fcall = Self.bulks("FCALL", self.name)
        evalsha = Self.bulks("EVALSHA", sha)
    }

    /// The two commands that run Lua in Redis.
    package enum Command: Sendable {
        case fcall
        case evalsha
    }

    /// Returns what stands in front of the arguments of a call.
    package func head(of command: Command, argumentCount: Int) -> ByteBuffer {
        var head = ByteBuffer(string: "*\(argumentCount + 2)\r\n")
        head.writeImmutableBuffer(command == .fcall ? fcall : evalsha)
        return head
    }

    private static func bulks(_ words: String...) -> ByteBuffer {
        ByteBuffer(string: words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined())
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
