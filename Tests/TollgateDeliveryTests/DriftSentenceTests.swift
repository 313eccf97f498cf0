import Testing
import TollgateCore
import TollgateStores

@testable import TollgateDelivery

/// The sentences about the drift of accounts.
@Suite struct DriftSentenceTests {
    private func alert(_ meter: Meter, ours: Int64, theirs: Int64) throws -> Alert {
        Alert(
            driftOf: try Scope(parsing: "account:main"), on: try #require(UTCDay(parsing: "2026-11-29")), meter: meter,
            ours: ours, theirs: theirs, threshold: 5, openedAt: 1_796_000_000_000)
    }

    private func text(_ event: Alert.Event, _ alert: Alert) -> String {
        AlertSentence(AlertEntry(id: "1-0", event: event, alert: alert), currency: "USD").text
    }

    @Test("a sentence names both sides, and the direction")
    func opened() throws {
        #expect(
            text(.opened, try alert(.tokens, ours: 877, theirs: 1_000))
                == "our tokens of account:main on 2026-11-29 are 12.3 % fewer than its provider reports (877, not 1000)"
        )
        #expect(
            text(.opened, try alert(.cost, ours: 1_500_000_000, theirs: 1_000_000_000))
                == "our cost of account:main on 2026-11-29 is 50 % more than its provider reports (1.5, not 1 USD)")
        #expect(
            text(.opened, try alert(.tokens, ours: 5, theirs: 0))
                == "our tokens of account:main on 2026-11-29 are not 0, unlike its provider's (5, not 0)")
    }

    @Test("a resolved alert says whether the figures were corrected or the time is over")
    func resolved() throws {
        var alert = try alert(.tokens, ours: 877, theirs: 1_000)
        alert.resolved = Alert.Mark(at: 1_796_100_000_000, by: "auto")
        for (reason, end) in [
            (Alert.Reason.corrected, "because both sides agree again"),
            (.limitRaised, "because the threshold is higher now"),
            (.periodEnded, "7 days after that day"),
        ] {
            alert.reason = reason
            #expect(text(.resolved, alert).hasSuffix("(877, not 1000); resolved \(end)"))
        }
    }
}
