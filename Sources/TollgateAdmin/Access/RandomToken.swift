/// Random texts that cannot be guessed.
package enum RandomToken {
    /// Returns 256 random bits as 64 hexadecimal digits.
    package static func hexadecimal() -> String {
        var random = SystemRandomNumberGenerator()
        return (0..<32).map { _ in
            let byte = UInt8.random(in: 0...255, using: &random)
            return (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }
}
