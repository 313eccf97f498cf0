import Testing

@testable import TollgateCore

/// The alert about the drift of an account on a day.
@Suite struct DriftAlertFormTests {
    @Test("all sidecars make the same alert of an account and a day, which is a warning and ends after 7 days")
    func alert() throws {
        let (scope, day) = (try Scope(parsing: "account:main"), UTCDay(number: 20_000))
        let alert = Alert(
            driftOf: scope, on: day, meter: .tokens, ours: 877, theirs: 1_000, threshold: 100, openedAt: 7)
        let other = Alert(driftOf: scope, on: day, meter: .cost, ours: 5, theirs: 0, threshold: 5, openedAt: 8)
        #expect(alert.id == other.id && alert.id == Alert.driftID(of: scope, on: day) && Alert.isID(alert.id))
        #expect(alert.id != Alert.driftID(of: scope, on: day.advanced(by: 1)))
        #expect(alert.severity == .warning && !alert.isOfLimit && alert.kind.rawValue == "drift")
        #expect(alert.endsAt == (day.start + 8 * 86_400) * 1_000 && alert.periodID == "\(day)")
        #expect(alert.condition == "tokens drift by -12.3 %" && other.condition == "cost drift: only ours")
        #expect(alert.isInRange && alert.percent == 87.7 && other.percent == nil)
    }
}
