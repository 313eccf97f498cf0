/// That a limit has refused a request. Of many refusals by one limit of a scope only the first of a period, and then at most one a
/// minute, is one. A plain value.
public struct DenialEvent: Sendable, Hashable {
    /// Unix ms, Redis's clock.
    public var at: Int64
    /// Whose limit refused.
    public var scope: Scope
    /// With `period`, the limit.
    public var meter: Meter
    /// With `meter`, the limit.
    public var period: Period
    /// Nano-units for `cost`.
    public var max: Int64
    /// What counted against the limit; nano-units for `cost`.
    public var used: Int64
    /// What open reservations held of it beside that; nano-units for `cost`.
    public var held: Int64
    /// Which part of the policy gave the limit: `tier:premium`.
    public var source: String
    /// The scopes that the request named.
    public var request: [Scope]

    /// At a time in Unix ms.
    public init(
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
