import Foundation
import Testing
import TollgateCore
import TollgatePolicy

@Suite struct AlertJSONTests {
    private static let opened: Int64 = 1_795_198_801_123

    private static func alert(_ meter: Meter = .cost, _ period: Period = .day) throws -> Alert {
        var alert = Alert(
            scope: try Scope(parsing: "user:alice"), meter: meter, period: period, threshold: 100,
            max: 20_000_000_000, used: 20_240_000_000, source: "tier:premium",
            periodID: period == .day ? "2026-11-20" : nil, endsAt: period == .total ? nil : 1_795_237_200_000,
            openedAt: opened)
        alert.id = "mi8x3k2p-1b0q6y0c3v5xk"
        return alert
    }

    private func read(_ text: String) throws -> Alert {
        try JSONDecoder().decode(Alert.self, from: Data(text.utf8))
    }

    @Test("an alert's JSON has all keys in order, money as text, and null for missing values")
    func text() throws {
        let text =
            #"{"acknowledged_at":null,"acknowledged_by":null,"ends_at":"2026-11-21T05:00:00Z","id":"mi8x3k2p-1b0q6y0c3v5xk","#
            + #""limit":"user:alice/cost/day","max":"20","meter":"cost","mode":"enforce","opened_at":"2026-11-20T18:20:01.123Z","#
            + #""percent":101.2,"period":"day","period_id":"2026-11-20","reason":null,"resolved_at":null,"resolved_by":null,"#
            + #""scope":"user:alice","severity":"critical","source":"tier:premium","state":"open","threshold":100,"#
            + #""type":"quota_exceeded","used":"20.24"}"#
        #expect(try CanonicalJSON.text(Self.alert()) == text)
        #expect(try read(text) == Self.alert())
    }

    @Test("alerts are decoded as they were, in each state, for each kind of limit and for odd scopes")
    func roundTrip() throws {
        for period in [Period.day, .month, .total, .sliding(seconds: 90)] {
            for meter in [Meter.cost, .requests, .inputTokens] {
                for state in Alert.State.allCases {
                    for scope in ["global", #"user:a "b"\/é+tool:x++y"#, "user:日本"] {
                        var alert = try Self.alert(meter, period)
                        alert.scope = try Scope(parsing: scope)
                        alert.mode = .shadow
                        alert.state = state
                        alert.acknowledged = state == .open ? nil : .init(at: Self.opened + 1_001, by: "ops \"é\"")
                        alert.resolved = state == .resolved ? .init(at: Self.opened + 90_000_000, by: "auto") : nil
                        alert.reason = state == .resolved ? .refunded : nil
                        #expect(try read(CanonicalJSON.text(alert)) == alert)
                    }
                }
            }
        }
    }

    @Test(
        "percent is rounded down to two decimals, and exact for large amounts",
        arguments: [
            (20_240_000_000, 20_000_000_000, 101.2), (1, 3, 33.33), (2, 3, 66.66), (89_999, 100_000, 89.99),
            (80, 100, 80), (9_000_000_000_000_000_000, 1, 9e20), (9_007_199_254_740_993, 9_007_199_254_740_994, 99.99),
        ] as [(Int64, Int64, Double)])
    func percent(_ used: Int64, _ max: Int64, _ percent: Double) throws {
        var alert = try Self.alert()
        (alert.used, alert.max) = (used, max)
        #expect(alert.percent == percent)
        #expect(try read(CanonicalJSON.text(alert)) == alert)
        alert.max = 0
        #expect(try CanonicalJSON.text(alert).contains(#""percent":null"#))
    }

    @Test("times from 1970 to the end of 9999 are decoded as they were, and ends_at is rounded up")
    func times() throws {
        for (time, text) in [
            (0, "1970-01-01T00:00:00.000Z"), (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
            (951_782_400_007, "2000-02-29T00:00:00.007Z"), (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
        ] as [(Int64, String)] {
            var alert = try Self.alert()
            alert.openedAt = time
            let json = try CanonicalJSON.text(alert)
            #expect(json.contains(#""opened_at":"\#(text)""#))
            #expect(try read(json).openedAt == time)
        }
        var alert = try Self.alert()
        alert.endsAt = 1_795_237_199_001
        #expect(try CanonicalJSON.text(alert).contains(#""ends_at":"2026-11-21T05:00:00Z""#))
    }

    @Test(
        "times out of range are written as the nearest time in range",
        arguments: [.min, -1, 253_402_300_799_001, 9_417_168_000_000_000, .max] as [Int64])
    func timesOutOfRange(time: Int64) throws {
        var alert = try Self.alert()
        (alert.openedAt, alert.endsAt) = (time, time)
        alert.resolved = .init(at: time, by: "auto")
        let day = time < 0 ? "1970-01-01T00:00:00" : "9999-12-31T23:59:59"
        let json = try CanonicalJSON.text(alert)
        for name in ["opened_at", "ends_at", "resolved_at"] {
            #expect(json.contains(#""\#(name)":"\#(day)"#), "\(json)")
        }
        #expect(alert.isInRange == (time == 253_402_300_799_001))
        #expect(UTCTime.range.contains(try read(json).openedAt))
    }

    @Test(
        "JSON that is not an alert is rejected",
        arguments: [
            (#""meter":"cost""#, #""meter":"money""#), (#""max":"20""#, #""max":20"#), (#""max":"20""#, #""max":"-1""#),
            (#""max":"20""#, #""max":"1.0000000001""#), (#""max":"20""#, #""max":"99999999999999999999""#),
            (#""state":"open""#, #""state":"shut""#), (#""scope":"user:alice""#, #""scope":"alice""#),
            ("2026-11-20T18:20:01.123Z", "2026-11-20T18:20:01.123"), ("2026-11-20T18:20", "2026-02-29T18:20"),
            ("2026-11-20T18:20", "2026-11-20T24:20"), ("2026-11-20T18:20", "2026-11-20T+1:20"),
            ("2026-11-20T18:20", "1969-12-31T18:20"), ("2026-11-20", "300000-11-20"),
        ])
    func refused(_ part: String, _ other: String) throws {
        let text = try CanonicalJSON.text(Self.alert())
        let broken = text.replacingOccurrences(of: part, with: other)
        #expect(broken != text)
        #expect(throws: DecodingError.self) { try read(broken) }
    }

    @Test("a denial event is decoded as it was")
    func denial() throws {
        let event = DenialEvent(
            at: Self.opened, scope: try Scope(parsing: "user:alice"), meter: .requests, period: .sliding(seconds: 60),
            max: 60, used: 59, held: 1, mode: .shadow, source: "tier:basic",
            request: [try Scope(parsing: "user:alice"), try Scope(parsing: "tool:search")])
        let text =
            #"{"at":"2026-11-20T18:20:01.123Z","held":1,"limit":"user:alice/requests/1m","max":60,"meter":"requests","#
            + #""mode":"shadow","period":"1m","request":["user:alice","tool:search"],"scope":"user:alice","#
            + #""source":"tier:basic","used":59}"#
        #expect(try CanonicalJSON.text(event) == text)
        var events = [event]
        for (meter, period) in [(Meter.concurrent, Period.reservation), (.cost, .request), (.cost, .total)] {
            var other = event
            (other.meter, other.period, other.max) = (meter, period, 1_500_000_000)
            events.append(other)
        }
        for event in events {
            let read = try JSONDecoder().decode(DenialEvent.self, from: Data(CanonicalJSON.text(event).utf8))
            #expect(read == event)
        }
        // Events of earlier versions had no `held` and no `mode`.
        let earlier = text.replacingOccurrences(of: #""held":1,"#, with: "")
            .replacingOccurrences(of: #""mode":"shadow","#, with: "")
        let read = try JSONDecoder().decode(DenialEvent.self, from: Data(earlier.utf8))
        #expect(read.held == 0 && read.mode == .enforce)
        let broken = text.replacingOccurrences(of: #""held":1"#, with: #""held":-1"#)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(DenialEvent.self, from: Data(broken.utf8)) }
    }
}
