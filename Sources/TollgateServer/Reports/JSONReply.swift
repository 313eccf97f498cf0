import NIOCore
import TollgatePolicy

/// JSON on one line, keys in snake case and in alphabetical order.
enum JSONReply {
    static func bytes(_ value: some Encodable) throws -> ByteBuffer {
        ByteBuffer(string: try CanonicalJSON.text(value, keys: .snakeCase))
    }
}
