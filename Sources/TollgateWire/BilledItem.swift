package import TollgateCore

/// An amount of a request that has a price and no limit of its own. The raw values are the keys.
package enum BilledItem: String, CaseIterable, Sendable {
    case cacheReadTokens = "cache_read_tokens"
    case cacheWriteTokens = "cache_write_tokens"
    case images
    /// Seconds of audio or video, with at most three fraction digits.
    case seconds

    /// The maximum of one request: 10¹² tokens, a million images, a million seconds in milliseconds.
    package var maxAmount: Int64 {
        switch self {
        case .cacheReadTokens, .cacheWriteTokens: Meter.tokens.maxAmount
        case .images: 1_000_000
        case .seconds: 1_000_000_000
        }
    }
}

/// The items that a request names.
struct BilledItems: Sendable {
    private var bits: UInt8 = 0

    /// Adds an item. Returns whether it is new.
    mutating func insert(_ item: BilledItem) -> Bool {
        let bit: UInt8
        switch item {
        case .cacheReadTokens: bit = 1
        case .cacheWriteTokens: bit = 2
        case .images: bit = 4
        case .seconds: bit = 8
        }
        defer { bits |= bit }
        return bits & bit == 0
    }
}

extension Amounts {
    /// The amount of an item, for `seconds` in milliseconds; 0 for none.
    package subscript(item: BilledItem) -> Int64 {
        get {
            switch item {
            case .cacheReadTokens: cacheReadTokens
            case .cacheWriteTokens: cacheWriteTokens
            case .images: images
            case .seconds: milliseconds
            }
        }
        set {
            switch item {
            case .cacheReadTokens: cacheReadTokens = newValue
            case .cacheWriteTokens: cacheWriteTokens = newValue
            case .images: images = newValue
            case .seconds: milliseconds = newValue
            }
        }
    }
}
