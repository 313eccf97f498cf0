import Foundation

/// The encoder setup of all JSON that Tollgate stores or sends: one line, keys in alphabetical order, slashes not
/// escaped.
package enum CanonicalJSON {
    /// How the names of properties become keys.
    package enum Keys {
        /// As the type's coding keys are.
        case unchanged
        /// `retryAfter` becomes `retry_after`.
        case snakeCase
    }

    /// Encodes a value. Equal values have the same text.
    ///
    /// - Throws: `EncodingError`, such as for a number that is not finite.
    package static func text(_ value: some Encodable, keys: Keys = .unchanged) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        if keys == .snakeCase { encoder.keyEncodingStrategy = .convertToSnakeCase }
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
