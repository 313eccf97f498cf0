import TollgateCore

/// The settings of a policy file other than its limits, tiers, assignments and accounts, as JSON with the keys of the
/// file.
///
/// Every key of the file is there, also those that the file leaves out, except for prices and the rule about them.
package struct PolicySettingsJSON: Encodable {
    private var currency: String
    private var decimals: Int
    private var timezone: String
    private var resetHour: Int
    private var billingDay: Int
    private var thresholds: [Int]
    private var history: [String]
    private var historyDays: Int
    private var historyMonths: Int
    private var kinds: [String]
    private var unknownKinds: String
    private var foldedKinds: [String]
    private var onRedisFailure: [String: String]
    private var driftThreshold: Int
    /// Nil if the file has none.
    private var prices: PriceTable?
    /// Nil if the file does not say.
    private var unknownModel: UnknownModelRule?

    private enum CodingKeys: String, CodingKey {
        case currency, decimals, timezone, thresholds, history, kinds, prices
        case resetHour = "reset_hour"
        case billingDay = "billing_day"
        case historyDays = "history_days"
        case historyMonths = "history_months"
        case unknownKinds = "unknown_kinds"
        case foldedKinds = "fold_case"
        case onRedisFailure = "on_redis_failure"
        case unknownModel = "unknown_model"
        case driftThreshold = "drift_threshold"
    }

    /// Creates the settings of a policy.
    package init(_ policy: Policy) {
        currency = policy.currency
        decimals = policy.moneyUnit.decimals
        timezone = policy.calendar.timeZone
        resetHour = policy.calendar.resetHour
        billingDay = policy.calendar.billingDay
        thresholds = policy.thresholds
        history = policy.history.sorted()
        historyDays = policy.historyDays
        historyMonths = policy.historyMonths
        kinds = policy.kinds.sorted()
        unknownKinds = policy.unknownKinds.rawValue
        foldedKinds = policy.foldedKinds.sorted()
        onRedisFailure = Dictionary(
            uniqueKeysWithValues: Meter.allCases.map { ($0.name, policy.onRedisFailure[$0].rawValue) })
        driftThreshold = policy.driftThreshold
        prices = policy.prices.isEmpty ? nil : policy.prices
        unknownModel = policy.unknownModel
    }
}
