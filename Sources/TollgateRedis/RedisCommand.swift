package import NIOCore

/// Writes commands as RESP, the way Redis reads them.
package enum RedisCommand {
    /// Appends one command with its arguments, the command's name first.
    package static func encode(_ arguments: String..., into buffer: inout ByteBuffer) {
        encode(arguments, into: &buffer)
    }

    /// Appends one command with its arguments, the command's name first.
    package static func encode(_ arguments: [String], into buffer: inout ByteBuffer) {
        buffer.writeString("*\(arguments.count)\r\n")
        for argument in arguments { encodeBulk(argument, into: &buffer) }
    }

    /// Appends one argument, a bulk string.
    package static func encodeBulk(_ argument: String, into buffer: inout ByteBuffer) {
        buffer.writeString("$\(argument.utf8.count)\r\n")
        buffer.writeString(argument)
        buffer.writeString("\r\n")
    }
}
