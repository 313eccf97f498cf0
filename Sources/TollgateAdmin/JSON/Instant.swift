import Foundation

/// Times in the API's format.
enum Instant {
    /// Formats ISO 8601 in UTC with whole seconds: `2026-11-22T10:00:00Z`.
    static func text(milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: (Double(milliseconds) / 1_000).rounded(.down)).ISO8601Format()
    }
}
