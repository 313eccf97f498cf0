import Foundation

/// The header Retry-After (RFC 9110, 10.2.3): seconds, or a date.
enum RetryAfter {
    /// Nil where it is neither; nothing where the date has passed.
    static func duration(_ text: String, now: Date) -> Duration? {
        let text = text.trimmingCharacters(in: .whitespaces)
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            // Longer than anybody waits.
            return .seconds(Int64(text.prefix(9)) ?? 0)
        }
        guard text.utf8.count <= 40, let date = date(text) else { return nil }
        return .seconds(max(0, date.timeIntervalSince(now).rounded(.up)))
    }

    /// `Sat, 21 Nov 2026 10:00:00 GMT`
    private static func date(_ text: String) -> Date? {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = .gmt
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return formatter.date(from: text)
    }
}
