/// A library of Redis functions.
///
/// Its name carries a hash of its text, so that different versions of it stand beside each other in one Redis.
package struct RedisLibrary: Sendable {
    /// The name: `tollgate_1f3a09b2c4d5e6f7`.
    package let name: String
    /// The text as FUNCTION LOAD takes it.
    package let source: String

    /// Creates a library from the text that it has under a name.
    package init(prefix: String, text: (_ name: String) -> String) {
        name = "\(prefix)_\(SHA1.hex(of: text("")).prefix(16))"
        source = text(name)
    }
}
