/// Comparison of secrets in a time that depends only on the length of the given bytes.
package enum ConstantTime {
    /// Whether the given bytes are the secret. Always false for an empty secret.
    package static func areEqual(_ given: some Collection<UInt8>, _ secret: [UInt8]) -> Bool {
        guard !secret.isEmpty else { return false }
        var difference: UInt8 = given.count == secret.count ? 0 : 1
        for (index, byte) in given.enumerated() {
            difference |= byte ^ secret[index % secret.count]
        }
        return difference == 0
    }
}
