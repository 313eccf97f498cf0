import HTTPTypes
import TollgateCore

/// The headers `RateLimit-Policy` and `RateLimit` of a decision (draft-ietf-httpapi-ratelimit-headers), as structured
/// fields (RFC 9651).
struct RateLimitFields {
    let policy: String
    let limit: String

    /// The maximum of an integer in a structured field, with 15 digits.
    private static let maxInteger: Int64 = 999_999_999_999_999

    /// Returns nil if no limit applies, the limit is unlimited, or a number is too large for the fields.
    ///
    /// - Parameter moneyUnit: The unit of amounts of `cost`.
    init?(_ decision: Decision, moneyUnit: MoneyUnit) {
        guard let name = decision.limit, let (meter, period) = decision.limitInForce,
            let max = Self.number(decision.max, of: meter, in: moneyUnit),
            let left = Self.number(decision.remaining, of: meter, in: moneyUnit)
        else { return nil }
        let item = Self.string(name)
        var policy = "\(item);q=\(max)"
        if case .sliding(let seconds) = period { policy += ";w=\(seconds)" }
        if let unit = Self.unit(of: meter, moneyUnit) { policy += ";qu=\"\(unit)\"" }
        let wait = (decision.allowed ? decision.resetAfter : decision.retryAfter).map { ";t=\(Self.rounded($0))" }
        self.policy = policy
        limit = "\(item);r=\(left)\(wait ?? "")"
    }

    /// The quota unit. Nil for requests, which are the draft's default.
    private static func unit(of meter: Meter, _ moneyUnit: MoneyUnit) -> String? {
        switch meter {
        case .requests: nil
        case .tokens: "tokens"
        case .inputTokens: "input-tokens"
        case .outputTokens: "output-tokens"
        case .cost: moneyUnit.quotaUnit
        case .concurrent: "concurrent-requests"
        }
    }

    func add(to headers: inout HTTPFields) {
        headers[.rateLimitPolicy] = policy
        headers[.rateLimit] = limit
    }

    /// Rounds up to whole seconds, at least zero.
    static func rounded(_ seconds: Double) -> Int64 {
        Int64(min(max(seconds, 0).rounded(.up), Double(maxInteger)))
    }

    private static func number(_ quantity: Quantity?, of meter: Meter, in unit: MoneyUnit) -> Int64? {
        let number = meter == .cost ? quantity?.money?.amount(in: unit) : quantity?.wholeNumber
        return number.flatMap { (0...maxInteger).contains($0) ? $0 : nil }
    }

    /// Encodes a string of a structured field: ASCII in quotes. Percent signs and other bytes are percent-encoded.
    private static func string(_ text: String) -> String {
        var string = "\""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): string += "\\\(Character(Unicode.Scalar(byte)))"
            case UInt8(ascii: "%"), 0..<0x20, 0x7f...:
                string += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            default: string.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        return string + "\""
    }
}

extension MoneyUnit {
    /// The quota unit of money: `currency` for whole units of the policy's currency, and else the fraction of one.
    fileprivate var quotaUnit: String {
        switch decimals {
        case 0: "currency"
        case 1: "deci-currency"
        case 2: "centi-currency"
        case 3: "milli-currency"
        case 6: "micro-currency"
        case 9: "nano-currency"
        default: "currency-e-\(decimals)"
        }
    }
}
