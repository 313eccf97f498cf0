import NIOCore
import TollgateCore
import TollgatePolicy
import TollgateRedis

/// The hashes of alerts in Redis.
struct AlertHashes {
    let link: StoreLink
    let keys: AlertKeys

    /// Reads one alert; nil if there is none with that id. Throws `.corrupt` if it is malformed.
    func alert(_ id: String) async throws(StoreError) -> Alert? {
        let key = keys.alert(id)
        return try StoredAlert.alert(try await link.send("HGETALL", key), of: key)
    }

    /// Reads alerts in the order of their ids: nil for one that has expired, `.corrupt` for one that is malformed.
    /// Removes expired ones from the indexes.
    func alerts(
        _ ids: [String], removingExpiredFrom indexes: [String]
    ) async throws(StoreError) -> [Result<Alert?, StoreError>] {
        var (found, expired): ([Result<Alert?, StoreError>], [String]) = ([], [])
        for (id, reply) in zip(ids, try await link.send(ids.map { ["HGETALL", keys.alert($0)] })) {
            do throws(StoreError) {
                let alert = try StoredAlert.alert(reply, of: keys.alert(id))
                if alert == nil { expired.append(id) }
                found.append(.success(alert))
            } catch {
                guard case .corrupt = error else { throw error }
                found.append(.failure(error))
            }
        }
        if !expired.isEmpty {
            // If this fails, the next read removes them.
            _ = try? await link.send(indexes.map { ["ZREM", $0] + expired })
        }
        return found
    }
}

/// The encoding of an alert as a hash: the fields of its JSON, amounts of `cost` in units, times in Unix ms. Nil values
/// have no field.
enum StoredAlert {
    /// Encodes an alert as field, value, field, value and so on.
    static func fields(of alert: Alert) -> [String] {
        let fields: [(String, String?)] = [
            ("id", alert.id), ("type", alert.isOfLimit ? nil : alert.kind.rawValue), ("scope", alert.scope.description),
            ("meter", alert.meter.name),
            ("period", alert.period.description), ("period_id", alert.periodID), ("threshold", "\(alert.threshold)"),
            ("max", "\(alert.max)"), ("used", "\(alert.used)"),
            ("decimals", alert.unit == .nano ? nil : "\(alert.unit.decimals)"), ("mode", alert.mode.rawValue),
            ("source", alert.source), ("severity", alert.severity.rawValue), ("opened_at", "\(alert.openedAt)"),
            ("ends_at", alert.endsAt.map { "\($0)" }), ("state", alert.state.rawValue),
            ("acknowledged_at", alert.acknowledged.map { "\($0.at)" }), ("acknowledged_by", alert.acknowledged?.by),
            ("resolved_at", alert.resolved.map { "\($0.at)" }), ("resolved_by", alert.resolved?.by),
            ("reason", alert.reason?.rawValue),
        ]
        return fields.flatMap { name, value in value.map { [name, $0] } ?? [] }
    }

    /// Decodes the reply to HGETALL; nil if there is no such hash. Throws `.corrupt` if it is not an alert.
    static func alert(_ reply: RedisReply, of key: String) throws(StoreError) -> Alert? {
        let pairs = try reply.pairs(of: key)
        guard !pairs.isEmpty else { return nil }
        let stored = alert(Dictionary(pairs) { first, _ in first })
        guard let alert = stored, alert.isInRange, key.hasSuffix(":alert:\(alert.id)") else {
            throw .corrupt("\(key): malformed alert")
        }
        return alert
    }

    private static func alert(_ fields: [String: String]) -> Alert? {
        func number(_ name: String) -> Int64? { fields[name].flatMap { Int64($0) } }
        func mark(_ verb: String) -> Alert.Mark? {
            guard let at = number("\(verb)_at"), let by = fields["\(verb)_by"] else { return nil }
            return Alert.Mark(at: at, by: by)
        }
        guard let id = fields["id"], let scope = fields["scope"].flatMap({ try? Scope(parsing: $0) }),
            let meter = fields["meter"].flatMap({ Meter(name: $0) }),
            let period = fields["period"].flatMap({ try? Period(parsing: $0) }),
            let threshold = number("threshold").flatMap({ Int(exactly: $0) }), let max = number("max"),
            let used = number("used"), let mode = fields["mode"].flatMap(Limit.Mode.init),
            let source = fields["source"],
            let unit = fields["decimals"].map({ Int($0).flatMap(MoneyUnit.init(decimals:)) }) ?? .nano,
            let openedAt = number("opened_at"), let state = fields["state"].flatMap(Alert.State.init)
        else { return nil }
        var alert = Alert(
            scope: scope, meter: meter, period: period, threshold: threshold, max: max, used: used, unit: unit,
            mode: mode, source: source, periodID: fields["period_id"], endsAt: number("ends_at"), openedAt: openedAt)
        alert.id = id
        if let type = fields["type"] {
            guard let kind = Alert.Kind(rawValue: type) else { return nil }
            alert.kind = kind
        }
        alert.state = state
        alert.acknowledged = mark("acknowledged")
        alert.resolved = mark("resolved")
        alert.reason = fields["reason"].flatMap(Alert.Reason.init)
        return alert
    }
}
