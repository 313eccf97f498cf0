package import TollgateCore

/// The side whose amount counts against a limit of an account: our own count, or the figure of the provider.
///
/// Where the provider has no figure of the current period, our own count is what counts: no figure is not 0.
package enum CountedSide: String, Sendable, CaseIterable {
    case own
    case provider
    /// The larger one.
    case max
}

extension Scope {
    /// Whether the scope is `account:ID`.
    package var isAccount: Bool { parts.count == 1 && parts[0].kind == "account" }
}

extension Policy {
    /// Returns the side that counts against a limit of an account.
    ///
    /// Only days, weeks and months have figures. Providers report costs in US dollars, so they count only if the policy's
    /// currency is that one. An account that is not read has none.
    func countedSide(of limit: Limit, _ account: Account) -> CountedSide {
        guard account.credential != nil, limit.hasFigures, limit.meter != .cost || currency == ProviderKind.currency
        else {
            return .own
        }
        return limit.counts ?? .max
    }
}

extension Limit {
    /// Whether a provider can have a figure of what the limit counts.
    var hasFigures: Bool { Self.hasFigures(meter, period) }

    /// Whether a provider can have a figure of a meter over a period: a day, a week or a month.
    package static func hasFigures(_ meter: Meter, _ period: Period) -> Bool {
        period.calendarUnit != nil && meter != .concurrent
    }
}
