import NIOCore
package import TollgateCore
import TollgateLedger
import TollgateRedis

/// What the hash of a scope says of its alerts, where the batch script keeps it (alerts.lua).
extension AlertStore {
    static let forgetFunction = RedisFunction("alerts/forget")

    /// Whether the scope's hash has the alert as one that holds. It has not where the script has seen that it does not, or where the
    /// hash is gone, and so nothing counts any more.
    package func holds(_ alert: Alert) async throws(StoreError) -> Bool {
        let key = keySpace.hash(of: alert.scope)
        switch try await link.ask("HGET", key, "alerts").checked(of: key) {
        case .bulk(let text): return Self.has(alert, openIn: String(buffer: text))
        case .null: return false
        default: throw .unexpectedReply(about: key)
        }
    }

    /// Lets the scope's hash forget the alert, whose limit is gone.
    package func forget(_ alert: Alert) async throws(StoreError) {
        let key = keySpace.hash(of: alert.scope)
        let reply = try await link.call(
            Self.forgetFunction, keys: [key],
            arguments: [alert.limitName, "\(alert.threshold)", "\(alert.openedAt)"], isChange: true)
        _ = try reply.checked(of: key)
    }

    /// `cost/day 2026-11-20/1795219200000 80:20000000000:1795190000000@basic 95:20000000000:-1795200000000;…`
    static func has(_ alert: Alert, openIn text: String) -> Bool {
        text.split(separator: ";").contains { line in
            let words = line.split(separator: " ")
            guard words.first.map({ $0 == alert.limitName }) ?? false else { return false }
            return words.dropFirst(2).contains { item in
                let parts = item.split(separator: ":", maxSplits: 2)
                guard parts.count == 3, parts[0] == "\(alert.threshold)" else { return false }
                return parts[2].prefix { $0 == "-" || $0.isNumber } == "\(alert.openedAt)"
            }
        }
    }
}
