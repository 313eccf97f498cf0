/// A library of Redis functions.
///
/// Its name contains a hash of its text, so that different versions can coexist in one Redis.
package struct RedisLibrary: Sendable {
    /// The name, for example `tollgate_1f3a09b2c4d5e6f7`.
    package let name: String
    /// The argument of FUNCTION LOAD.
    package let source: String

    /// Creates a library. `text` returns the source for a given library name.
    package init(prefix: String, text: (_ name: String) -> String) {
        name = "\(prefix)_\(SHA1.hex(of: text("")).prefix(16))"
        source = text(name)
    }
}
