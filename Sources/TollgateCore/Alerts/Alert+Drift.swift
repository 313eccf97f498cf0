extension Alert {
    /// The number of days after the day of a drift at whose end its alert ends.
    package static let driftDays: Int64 = 7

    /// Creates an open alert about the drift of an account on a closed day. All sidecars make the same one.
    ///
    /// - Parameters:
    ///   - scope: The account, such as `account:main`.
    ///   - meter: `tokens` or `cost`, whichever drifts more.
    ///   - ours: Our amount; for `cost` in `unit`.
    ///   - theirs: The amount that the provider reports; for `cost` in `unit`.
    ///   - threshold: The drift in percent past which an alert opens.
    ///   - openedAt: Unix ms.
    package init(
        driftOf scope: Scope, on day: UTCDay, meter: Meter, ours: Int64, theirs: Int64, unit: MoneyUnit = .nano,
        threshold: Int, openedAt: Int64
    ) {
        self.init(
            scope: scope, meter: meter, period: .day, threshold: threshold, max: theirs, used: ours, unit: unit,
            source: "accounts", periodID: "\(day)",
            endsAt: day.advanced(by: Self.driftDays + 1).start * 1_000, openedAt: openedAt)
        kind = .drift
        id = Self.driftID(of: scope, on: day)
    }

    /// The id of the alert about an account and a day, whatever drifts.
    package static func driftID(of scope: Scope, on day: UTCDay) -> String {
        id(scope: scope, limit: Kind.drift.rawValue, threshold: 0, openedAt: day.start * 1_000)
    }

    /// The drift; nil for an alert of another type.
    package var drift: Drift? {
        kind == .drift ? Drift(ours: Int128(used), theirs: Int128(max)) : nil
    }
}
