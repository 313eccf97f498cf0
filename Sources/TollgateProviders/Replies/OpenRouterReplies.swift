import TollgateCore

/// The replies of OpenRouter.
enum OpenRouterReplies {
    /// The state of a key, as the key itself may read it.
    struct Key: Equatable {
        /// The cost of the current UTC day.
        var today: Money?
        /// The limit of the key, called `key`.
        var quota: ProviderQuota
        /// Whether the key may read the activity of its account. Such a key makes no model requests itself.
        var isManagementKey: Bool
    }

    /// Parses the reply to `/api/v1/key`.
    ///
    /// - Parameter today: The current day, from which the time of the next reset follows.
    static func key(_ body: some Sequence<UInt8>, today: UTCDay) throws(ProviderFailure) -> Key {
        let data = try ReplyObject(body).object("data")
        let reset = try data.textIfPresent("limit_reset")
        let (suffix, resetDay): (String, UTCDay?) =
            switch reset {
            case nil: ("", nil)
            case "daily": ("_daily", today.advanced(by: 1))
            case "weekly": ("_weekly", today.startOfNextWeek)
            case "monthly": ("_monthly", today.startOfNextMonth)
            default: throw .malformed("data.limit_reset: expected daily, weekly, monthly or null")
            }
        let limit = try nanoDollars("limit", of: data)
        // A key that has used more than its limit has a negative rest.
        let remaining = limit == nil ? nil : try nanoDollars("limit_remaining", of: data, canBeNegative: true)
        var used = try nanoDollars("usage" + suffix, of: data) ?? 0
        if try data.boolIfPresent("include_byok_in_limit") == true {
            let own = try nanoDollars("byok_usage" + suffix, of: data) ?? 0
            // Each is far less than half of the maximum.
            used = min(used, .max / 2) + min(own, .max / 2)
        }
        // The older name of a management key.
        let isProvisioningKey = try data.boolIfPresent("is_provisioning_key") ?? false
        return Key(
            today: try data.dollarsIfPresent("usage_daily"),
            quota: ProviderQuota(
                name: "key", unit: .nanoDollars, limit: limit, used: used, remaining: remaining,
                resetsAt: limit == nil ? nil : resetDay?.start),
            isManagementKey: try data.boolIfPresent("is_management_key") ?? isProvisioningKey)
    }

    private static func nanoDollars(
        _ key: String, of data: ReplyObject, canBeNegative: Bool = false
    ) throws(ProviderFailure) -> Int64? {
        guard let money = try data.dollarsIfPresent(key, canBeNegative: canBeNegative) else { return nil }
        guard let nanos = Int64(exactly: money.nanos) else { throw .malformed("\(data.name(key)): too large") }
        return nanos
    }

    /// Parses the reply to `/api/v1/activity`: the last 30 closed days. Reasoning tokens are output tokens already. The
    /// provider says nothing about caches.
    static func activity(_ body: some Sequence<UInt8>) throws(ProviderFailure) -> [UTCDay: ProviderFigures] {
        var sums: [UTCDay: FiguresSum] = [:]
        for item in try ReplyObject(body).objects("data") {
            let text = try item.text("date")
            guard let day = UTCDay(parsing: text.prefix(10)), ["", "T", " "].contains(text.dropFirst(10).prefix(1))
            else {
                throw .malformed("\(item.name("date")): expected a date such as 2026-11-20")
            }
            var sum = sums[day] ?? FiguresSum()
            sum.add(cost: try item.decimal("usage"))
            for (key, figure) in [
                ("prompt_tokens", \ProviderFigures.inputTokens), ("completion_tokens", \.outputTokens),
                ("requests", \.requests),
            ] { try sum.add(try item.count(key), to: figure, field: item.name(key)) }
            sums[day] = sum
        }
        var days: [UTCDay: ProviderFigures] = [:]
        for (day, sum) in sums {
            var sum = sum
            try sum.finish(timesTenToThe: 9, field: "usage")
            days[day] = sum.figures
        }
        return days
    }
}
