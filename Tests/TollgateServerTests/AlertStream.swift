import Foundation
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateServer
@testable import TollgateStores

/// Access to the stream of alerts.
extension ServerHarness {
    /// 2026-11-20T18:20:01.123Z
    static let alertsBegin: Int64 = 1_795_198_801_123

    /// Returns an alert; a different one for each number.
    static func alert(_ number: Int = 0, scope: String? = nil, threshold: Int = 80) throws -> Alert {
        Alert(
            scope: try Scope(parsing: scope ?? "user:u\(number)"), meter: .cost, period: .day, threshold: threshold,
            max: 20_000_000_000, used: 17_240_000_000, source: "tier:premium", periodID: "2026-11-20",
            endsAt: 4_102_444_800_000, openedAt: alertsBegin + Int64(number))
    }

    /// Publishes a change as a sidecar does.
    func publish(_ change: AlertChange) async throws {
        try await sidecar.stores.alerts.publish(change)
    }

    /// Opens the alerts with these numbers, one after the other.
    func open(_ numbers: Range<Int>) async throws {
        for number in numbers { try await publish(.opened(Self.alert(number))) }
    }

    func closeAlert(_ number: Int) async throws {
        try await publish(.resolved(id: Self.alert(number).id, at: Self.alertsBegin + 5_000, reason: .periodEnded))
    }
}

extension TestRedis {
    /// Returns the cursors of all entries of the stream.
    func alertCursors() throws -> [String] {
        try cli("EVAL", Self.cursorsScript, "1", Self.deliveries).split(separator: "\n").map(String.init)
    }

    private static let deliveries = "tollgate:{alerts}:deliveries"
    private static let cursorsScript = """
        local ids = {}
        for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+')) do ids[#ids + 1] = entry[1] end
        return ids
        """

    /// Adds entries to the stream at once, and announces them if `isAnnounced`.
    func addAlerts(_ count: Int, isAnnounced: Bool = true) throws {
        let json = try CanonicalJSON.text(ServerHarness.alert())
        let script = """
            local id
            for number = 1, tonumber(ARGV[1]) do
                id = redis.call('XADD', KEYS[1], '*', 'event', 'opened', 'alert', ARGV[2])
            end
            if ARGV[3] == 'true' then redis.call('PUBLISH', 'tollgate:{alerts}:news', id) end
            return 'OK'
            """
        try cli("EVAL", script, "1", Self.deliveries, "\(count)", json, "\(isAnnounced)")
    }

    /// Adds an entry with a given cursor, and announces it.
    func addAlert(at cursor: String) throws {
        try cli("XADD", Self.deliveries, cursor, "event", "opened", "alert", CanonicalJSON.text(ServerHarness.alert()))
        try cli("PUBLISH", "tollgate:{alerts}:news", cursor)
    }

    /// Adds an entry that no sidecar can read.
    func addBrokenAlert() throws {
        try cli("XADD", Self.deliveries, "*", "event", "opened", "alert", "{")
    }
}

/// Returns the cursor of a pushed line; nil for any other.
func cursor(of line: String) -> String? {
    guard line.hasPrefix(#"ALERT {"cursor":""#), line.hasSuffix("}}") else { return nil }
    return String(line.split(separator: "\"", omittingEmptySubsequences: false)[3])
}

extension SocketClient {
    /// Reads lines, all of which have to be pushes, and returns their cursors.
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
