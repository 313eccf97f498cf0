import Foundation
import TollgatePolicy

/// The end of an override: a duration from now such as `2h`, or a time with a zone.
struct EndTime {
    /// Unix ms.
    var milliseconds: Int64

    static let message = "Enter a duration such as 90m, 2h or 3d, or a time such as 2026-12-24T18:00:00Z."

    /// Parses the text. Nil if it is neither.
    init?(_ text: String, after now: Int64) {
        let text = text.trimmed
        let units: [Character: Int64] = ["m": 60, "h": 3_600, "d": 86_400]
        if let factor = text.last.flatMap({ units[$0] }),
            text.dropLast().utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let count = Int64(text.dropLast()), (1...1_000_000).contains(count)
        {
            milliseconds = now + count * factor * 1_000
        } else if let date = PolicyReader.date(text), date.timeIntervalSince1970 < 253_402_300_800,
            date.timeIntervalSince1970 > 0
        {
            milliseconds = Int64(date.timeIntervalSince1970) * 1_000
        } else {
            return nil
        }
    }
}
