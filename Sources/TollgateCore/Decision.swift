/// The answer to a CHECK, PEEK or RESERVE, as a client receives it.
public struct Decision: Sendable, Equatable {
    /// Whether the call may proceed.
    public var allowed: Bool
    /// The reason for a denial; nil if `allowed` is true.
    public var reason: DenialReason?
    /// The limit that denied, or the tightest one that allowed, such as `user:alice/requests/1m`; nil if no limit
    /// applies.
    public var limit: String?
    /// The max of that limit; nil if no limit applies, or if it is unlimited.
    public var max: Quantity?
    /// The usage of that limit.
    public var used: Quantity?
    /// The amount that open reservations hold of that limit; nil for none.
    public var held: Quantity?
    /// The rest of that limit, never below zero.
    public var remaining: Quantity?
    /// The time until the limit's period ends, or its window is empty again, in seconds.
    public var resetAfter: Double?
    /// The time until the same request could pass without other requests, in seconds; nil if waiting does not help.
    public var retryAfter: Double?
    /// The part of the policy that the limit comes from, such as `scope` or `defaults`.
    public var source: String?
    /// Whether the decision was made without Redis, by `on_redis_failure`.
    public var isDegraded: Bool
    /// The names of shadow limits that would have denied.
    public var shadow: [String]
    /// The limits that are past a threshold.
    public var warnings: [LimitWarning]
    /// The cost that the sidecar computed by its prices; nil if the request named a cost, or nothing in it has a known
    /// price.
    public var cost: Quantity?
    /// Whether the price of the model, or of an item of the request, is not known.
    public var hasUnknownPrice: Bool
    /// The token of the reservation, for COMMIT and CANCEL; nil unless a RESERVE was allowed.
    public var reservation: String?

    /// Creates a decision. Fields that are not given are empty.
    public init(
        allowed: Bool, reason: DenialReason? = nil, limit: String? = nil, max: Quantity? = nil, used: Quantity? = nil,
        held: Quantity? = nil,
        remaining: Quantity? = nil, resetAfter: Double? = nil, retryAfter: Double? = nil, source: String? = nil,
        isDegraded: Bool = false, shadow: [String] = [], warnings: [LimitWarning] = [],
        cost: Quantity? = nil, hasUnknownPrice: Bool = false, reservation: String? = nil
    ) {
        self.allowed = allowed
        self.reason = reason
        self.limit = limit
        self.max = max
        self.used = used
        self.held = held
        self.remaining = remaining
        self.resetAfter = resetAfter
        self.retryAfter = retryAfter
        self.source = source
        self.isDegraded = isDegraded
        self.shadow = shadow
        self.warnings = warnings
        self.cost = cost
        self.hasUnknownPrice = hasUnknownPrice
        self.reservation = reservation
    }
}

/// The reason why a request was denied.
public enum DenialReason: String, Sendable, CaseIterable {
    /// A sliding window is full: retry later.
    case rateLimited = "rate_limited"
    /// A calendar or `total` limit is used up.
    case quotaExceeded = "quota_exceeded"
    /// The request exceeds a `request` limit, so it can never pass.
    case tooLarge = "too_large"
    /// The limit's max is 0.
    case blocked
    /// The limit of open reservations is reached.
    case concurrency
    /// The price of the model is not known, and the policy refuses such models.
    case unknownModel = "unknown_model"
}

/// An amount in a reply, as decimal text: a whole number for requests and tokens, with up to 9 fraction digits for
/// cost.
public struct Quantity: Sendable, Hashable, CustomStringConvertible {
    /// The text of the reply.
    public let description: String

    /// Creates an amount. The text is not checked.
    public init(_ text: String) {
        self.description = text
    }

    /// The number of requests or tokens; nil if the text is not a whole number.
    public var wholeNumber: Int64? { Int64(description) }

    /// The amount of money; nil if the text is not an amount.
    public var money: Money? { try? Money(parsing: description) }
}

/// A warning in the `warn=` of a reply: a scope has used a share of a limit.
public struct LimitWarning: Sendable, Hashable {
    /// The scope of the limit.
    public var scope: Scope
    /// The name of the limit, such as `cost/day`.
    public var limit: String
    /// The highest threshold that has been reached, in percent of the limit's max.
    public var threshold: Int

    /// Creates a warning.
    package init(scope: Scope, limit: String, threshold: Int) {
        self.scope = scope
        self.limit = limit
        self.threshold = threshold
    }

    /// Parses the text of `description`; nil for any other text. The id of a scope may contain slashes and colons, so
    /// parsing starts at the end.
    package init?(parsing text: some StringProtocol) {
        let scalars = text.unicodeScalars
        guard let colon = scalars.lastIndex(of: ":"), let threshold = Int(text[scalars.index(after: colon)...]),
            threshold > 0, let slash = Self.startOfName(scalars[..<colon]),
            let scope = try? Scope(parsing: text[..<slash])
        else { return nil }
        self.init(scope: scope, limit: String(text[scalars.index(after: slash)..<colon]), threshold: threshold)
    }

    /// The index of the slash before the limit's name. The name contains another slash, unless it is `concurrent`.
    private static func startOfName<Text: BidirectionalCollection<Unicode.Scalar>>(_ text: Text) -> Text.Index? {
        guard let last = text.lastIndex(of: "/") else { return nil }
        if text[text.index(after: last)...].elementsEqual(Meter.concurrent.name.unicodeScalars) { return last }
        return text[..<last].lastIndex(of: "/")
    }
}

extension LimitWarning: CustomStringConvertible {
    /// The text of the warning, such as `user:alice/cost/day:80`.
    public var description: String { "\(scope)/\(limit):\(threshold)" }
}
