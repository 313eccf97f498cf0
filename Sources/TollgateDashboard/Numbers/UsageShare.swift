/// The usage of a limit as an exact fraction of its maximum.
///
/// Levels, texts and bars come from whole numbers. Percentages are rounded down, so none is shown as 80 or 100 before
/// the usage is there.
struct UsageShare: Hashable, Sendable {
    /// The distance of a usage from its limit.
    enum Level: Hashable, Sendable {
        /// There is no limit.
        case unlimited
        /// Below 80 %.
        case normal
        /// From 80 % and below 100 %.
        case warning
        /// From 100 %, and any usage of a limit of 0.
        case danger

        /// The CSS class of rows and cells; empty for ``normal``.
        var cssClass: String {
            switch self {
            case .unlimited: "none"
            case .normal: ""
            case .warning: "warning"
            case .danger: "danger"
            }
        }
    }

    /// The direction of a sorted column.
    enum Order: Sendable {
        case ascending, descending
    }

    /// The used amount, at least 0.
    private let amount: Int128
    /// The maximum: nil is unlimited, 0 is blocked.
    private let limit: Int64?

    /// Creates a share of a limit.
    ///
    /// - Parameters:
    ///   - used: The recorded usage, without what open reservations hold. A negative one counts as 0.
    ///   - limit: The maximum: nil is unlimited, 0 is blocked.
    init(used: Int64, limit: Int64?) {
        amount = Int128(max(used, 0))
        self.limit = limit
    }

    /// The level, exactly.
    var level: Level {
        guard let limit else { return .unlimited }
        if amount >= Int128(limit) { return .danger }
        return amount * 100 >= Int128(limit) * 80 ? .warning : .normal
    }

    /// The percentage, rounded down to a tenth: `99.9 %`. `No Limit` without a limit, `blocked` for a limit of 0.
    var text: String {
        guard limit != nil else { return "No Limit" }
        guard let tenths else { return "blocked" }
        return "\(NumberText.grouped(tenths / 10)).\(tenths % 10) %"
    }

    /// The width of the filled part of a bar that is 100 wide, rounded down to a tenth: `47.2`.
    var barWidth: String {
        guard limit != nil else { return "0" }
        let tenths = min(tenths ?? 1_000, 1_000)
        return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
    }

    /// The share in thousandths, rounded down; nil if there is no limit or it is 0.
    private var tenths: Int128? {
        guard let limit, limit > 0 else { return nil }
        return amount * 1_000 / Int128(limit)
    }

    /// Returns whether a share comes before another in a sorted column. Blocked ones are the largest, and those without
    /// a limit come last in both directions.
    static func precedes(_ lhs: UsageShare, _ rhs: UsageShare, in order: Order) -> Bool {
        guard let leftLimit = lhs.limit else { return false }
        guard let rightLimit = rhs.limit else { return true }
        return switch order {
        case .ascending: isLess(lhs.amount, of: leftLimit, than: rhs.amount, of: rightLimit)
        case .descending: isLess(rhs.amount, of: rightLimit, than: lhs.amount, of: leftLimit)
        }
    }

    private static func isLess(
        _ amount: Int128, of limit: Int64, than otherAmount: Int128, of otherLimit: Int64
    ) -> Bool {
        guard limit > 0 else { return false }
        guard otherLimit > 0 else { return true }
        return amount * Int128(otherLimit) < otherAmount * Int128(limit)
    }
}
