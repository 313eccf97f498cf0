/// That a limit has refused a request. Of many refusals by one limit of a scope only the first of a period, and then at most one a
/// minute, is one. A plain value.
package struct DenialEvent: Sendable, Hashable {
    /// Unix ms, Redis's clock.
    package var at: Int64
    /// Whose limit refused.
    package var scope: Scope
    /// With `period`, the limit.
    package var meter: Meter
    /// With `meter`, the limit.
    package var period: Period
    /// Nano-units for `cost`.
    package var max: Int64
    /// What counted against the limit; nano-units for `cost`.
    package var used: Int64
    /// What open reservations held of it beside that; nano-units for `cost`.
    package var held: Int64
    /// Which part of the policy gave the limit: `tier:premium`.
    package var source: String
    /// The scopes that the request named.
    package var request: [Scope]

    /// At a time in Unix ms.
    package init(
        at: Int64, scope: Scope, meter: Meter, period: Period, max: Int64, used: Int64, held: Int64 = 0, source: String,
        request: [Scope]
    ) {
        self.at = at
        self.scope = scope
        self.meter = meter
        self.period = period
        self.max = max
        self.used = used
        self.held = held
        self.source = source
        self.request = request
    }
}
