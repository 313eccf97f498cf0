import Crypto

/// SHA-1, which Redis uses to name scripts. It has no security purpose here.
package enum SHA1 {
    /// Returns the digest of the text's UTF-8 as 40 lower-case hexadecimal digits.
    package static func hex(of text: String) -> String {
        Insecure.SHA1.hash(data: Array(text.utf8)).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
