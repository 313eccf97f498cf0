/// The answer to a CHECK or a PEEK, as a client sees it. A plain value that nobody owns.
public struct Decision: Sendable, Equatable {
    /// Whether the call may go ahead.
    public var allowed: Bool
    /// Set where `allowed` is false.
    public var reason: DenialReason?
    /// The limit that refused, or the tightest of those that allowed, such as `user:alice/requests/1m`; nil when no
    /// limit applies.
    public var limit: String?
    /// What that limit admits in its period; nil when no limit applies, or when it is unlimited.
    public var max: Quantity?
    /// What is used of it.
    public var used: Quantity?
    /// What open reservations hold of it; nil when they hold nothing.
    public var held: Quantity?
    /// What is left of it, never below zero.
    public var remaining: Quantity?
    /// Seconds until the limit's period ends, or its window is empty again.
    public var resetAfter: Double?
    /// Seconds until the same request could pass if nobody else asked; nil where waiting does not help.
    public var retryAfter: Double?
    /// Which part of the policy gave the limit, such as `scope` or `defaults`.
    public var source: String?
    /// The answer was given without Redis, by the rules for its failure.
    public var isDegraded: Bool
    /// Shadow limits that would have denied.
    public var shadow: [String]
    /// Limits past a threshold.
    public var warnings: [LimitWarning]
    /// Names the reservation to COMMIT and CANCEL; nil unless this answers a RESERVE that was allowed.
    public var reservation: String?

    /// An answer with only the fields that it carries.
    public init(
        allowed: Bool, reason: DenialReason? = nil, limit: String? = nil, max: Quantity? = nil, used: Quantity? = nil,
        held: Quantity? = nil,
        remaining: Quantity? = nil, resetAfter: Double? = nil, retryAfter: Double? = nil, source: String? = nil,
        isDegraded: Bool = false, shadow: [String] = [], warnings: [LimitWarning] = [],
        reservation: String? = nil
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
        self.reservation = reservation
    }
}

/// Why a request was denied.
public enum DenialReason: String, Sendable, CaseIterable {
    /// A sliding window is full: retry later.
    case rateLimited = "rate_limited"
    /// A calendar or `total` limit is used up.
    case quotaExceeded = "quota_exceeded"
    /// More than a `request` limit admits: the same request never passes.
    case tooLarge = "too_large"
    /// The limit's max is 0.
    case blocked
    /// Too many open reservations.
    case concurrency
}

/// An amount as it stands in a reply: decimal text, whole for requests and tokens, with up to 9 fraction digits for cost.
public struct Quantity: Sendable, Hashable, CustomStringConvertible {
    /// The text as it was in the reply.
    public let description: String

    /// Keeps the text as it is.
    public init(_ text: String) {
        self.description = text
    }

    /// The number of requests or tokens; nil where the text is not a whole number.
    public var wholeNumber: Int64? { Int64(description) }

    /// The amount of money; nil where the text is not one.
    public var money: Money? { try? Money(parsing: description.utf8) }
}
