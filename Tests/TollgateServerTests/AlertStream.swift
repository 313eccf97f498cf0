import Foundation
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateServer
@testable import TollgateStores

/// What tests do with the stream of alerts.
extension ServerHarness {
    /// 2026-11-20T18:20:01.123Z
    static let alertsBegin: Int64 = 1_795_198_801_123

    /// A number makes it another alert.
    static func alert(_ number: Int = 0, scope: String? = nil, threshold: Int = 80) throws -> Alert {
        Alert(
            scope: try Scope(parsing: scope ?? "user:u\(number)"), meter: .cost, period: .day, threshold: threshold,
            max: 20_000_000_000, used: 17_240_000_000, source: "tier:premium", periodID: "2026-11-20",
            endsAt: 4_102_444_800_000, openedAt: alertsBegin + Int64(number))
    }

    /// As the sidecar that saw a threshold passed does it.
    func publish(_ change: AlertChange) async throws {
        guard let alerts = server.stores?.alerts else { throw TestFailure("not started") }
        try await alerts.publish(change)
    }

    /// Opens the alerts of these numbers, one after the other.
    func open(_ numbers: Range<Int>) async throws {
        for number in numbers { try await publish(.opened(Self.alert(number))) }
    }

    func closeAlert(_ number: Int) async throws {
        try await publish(.resolved(id: Self.alert(number).id, at: Self.alertsBegin + 5_000, reason: .periodEnded))
    }
}

extension TestRedis {
    /// The places of all entries of the stream.
    func alertPlaces() throws -> [String] {
        try cli("EVAL", Self.placesScript, "1", Self.deliveries).split(separator: "\n").map(String.init)
    }

    private static let deliveries = "tollgate:{alerts}:deliveries"
    private static let placesScript = """
        local ids = {}
        for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do ids[#ids + 1] = entry[1] end
        return ids
        """

    /// Many entries at once, as they would be there after as many alerts, and one word of them. `isTold` false: nobody is told.
    func addAlerts(_ count: Int, isTold: Bool = true) throws {
        let json = try CanonicalJSON.text(ServerHarness.alert())
        let script = """
            local id
            for number = 1, tonumber(ARGV[1]) do
                id = redis.call('XADD', KEYS[1], '*', 'event', 'opened', 'alert', ARGV[2])
            end
            if ARGV[3] == 'true' then redis.call('PUBLISH', 'tollgate:{alerts}:news', id) end
            return 'OK'
            """
        try cli("EVAL", script, "1", Self.deliveries, "\(count)", json, "\(isTold)")
    }

    /// One at a place of the test's choosing, and word of it.
    func addAlert(at place: String) throws {
        try cli("XADD", Self.deliveries, place, "event", "opened", "alert", CanonicalJSON.text(ServerHarness.alert()))
        try cli("PUBLISH", "tollgate:{alerts}:news", place)
    }

    /// An entry that no sidecar can read.
    func addBrokenAlert() throws {
        try cli("XADD", Self.deliveries, "*", "event", "opened", "alert", "{")
    }
}

/// The cursor of a pushed line; nil for any other.
func cursor(of line: String) -> String? {
    guard line.hasPrefix(#"ALERT {"cursor":""#), line.hasSuffix("}}") else { return nil }
    return String(line.split(separator: "\"", omittingEmptySubsequences: false)[3])
}

extension SocketClient {
    /// The cursors of the next pushed lines, which have to be the next lines.
    func cursors(_ count: Int) async throws -> [String] {
        var cursors: [String] = []
        for _ in 0..<count {
            let line = try await readLine() ?? "(closed)"
            guard let cursor = TollgateServerTests.cursor(of: line) else { throw TestFailure("not an alert: \(line)") }
            cursors.append(cursor)
        }
        return cursors
    }
}
