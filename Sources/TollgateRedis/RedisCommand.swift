package import NIOCore

/// Encodes commands as RESP arrays of bulk strings.
package enum RedisCommand {
    /// Appends one command. The first argument is the command's name.
    package static func encode(_ arguments: String..., into buffer: inout ByteBuffer) {
        encode(arguments, into: &buffer)
    }

    /// Appends one command. The first argument is the command's name.
    package static func encode(_ arguments: [String], into buffer: inout ByteBuffer) {
        buffer.writeString("*\(arguments.count)\r\n")
        for argument in arguments { encodeBulk(argument, into: &buffer) }
    }

    /// Returns one command in a buffer of its own.
    package static func encoded(_ arguments: [String]) -> ByteBuffer {
        var buffer = ByteBuffer()
        encode(arguments, into: &buffer)
        return buffer
    }

    /// Appends one argument as a bulk string.
    package static func encodeBulk(_ argument: String, into buffer: inout ByteBuffer) {
        buffer.writeString("$\(argument.utf8.count)\r\n")
        buffer.writeString(argument)
        buffer.writeString("\r\n")
    }
}
