import NIOCore
import TollgateCore
import TollgatePolicy
import TollgateRedis

/// An alert as its hash holds it: the fields as they are called in JSON, amounts in nano-units, times in Unix ms; what there is none
/// of is not there.
enum StoredAlert {
    /// Field, value, field, value …
    static func fields(of alert: Alert) -> [String] {
        let fields: [(String, String?)] = [
            ("id", alert.id), ("scope", alert.scope.description), ("meter", alert.meter.name),
            ("period", alert.period.description), ("period_id", alert.periodID), ("threshold", "\(alert.threshold)"),
            ("max", "\(alert.max)"), ("used", "\(alert.used)"), ("mode", alert.mode.rawValue),
            ("source", alert.source), ("severity", alert.severity.rawValue), ("opened_at", "\(alert.openedAt)"),
            ("ends_at", alert.endsAt.map { "\($0)" }), ("state", alert.state.rawValue),
            ("acknowledged_at", alert.acknowledged.map { "\($0.at)" }), ("acknowledged_by", alert.acknowledged?.by),
            ("resolved_at", alert.resolved.map { "\($0.at)" }), ("resolved_by", alert.resolved?.by),
            ("reason", alert.reason?.rawValue),
        ]
        return fields.flatMap { name, value in value.map { [name, $0] } ?? [] }
    }

    /// From the reply to HGETALL; nil where there is no such hash.
    static func alert(_ reply: RedisReply, of key: String) throws(StoreError) -> Alert? {
        let words = try reply.texts(of: key)
        guard !words.isEmpty else { return nil }
        let pairs = stride(from: 0, to: words.count - 1, by: 2).map { (words[$0], words[$0 + 1]) }
        let stored = alert(Dictionary(pairs) { first, _ in first })
        guard let alert = stored, alert.isInRange, key.hasSuffix(":alert:\(alert.id)") else {
            throw .corrupt("\(key): cannot be read as an alert")
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
            let openedAt = number("opened_at"), let state = fields["state"].flatMap(Alert.State.init)
        else { return nil }
        var alert = Alert(
            scope: scope, meter: meter, period: period, threshold: threshold, max: max, used: used, mode: mode,
            source: source, periodID: fields["period_id"], endsAt: number("ends_at"), openedAt: openedAt)
        alert.id = id
        alert.state = state
        alert.acknowledged = mark("acknowledged")
        alert.resolved = mark("resolved")
        alert.reason = fields["reason"].flatMap(Alert.Reason.init)
        return alert
    }
}
