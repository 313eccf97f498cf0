import Foundation
package import TollgateCore
import Yams

extension PolicyReader {
    /// `{ limits: { … }, add: { cost/month: 50 }, expires_at: 2026-11-22T10:00:00Z, reason: … }`
    func override(_ node: Node, at place: Place) -> Override? {
        let entries = entries(
            of: node, at: place, expected: "a map", allowed: ["limits", "add", "expires_at", "reason"])
        var override = Override(expiresAt: 0, reason: "")
        for entry in entries {
            switch entry.key {
            case "limits": override.limits = scopeLimits(entry)
            case "add": override.additions = additions(entry)
            case "expires_at": override.expiresAt = instant(entry) ?? 0
            case "reason": override.reason = label(entry, longest: Override.maxReasonLength) ?? ""
            default: break
            }
        }
        guard node.mapping != nil else { return nil }
        for key in ["expires_at", "reason"] where !entries.contains(where: { $0.key == key }) {
            report(place.at(key, line: place.line), "is missing")
        }
        if override.limits.isEmpty, override.additions.isEmpty, problems.isEmpty {
            report(place, "limits or add has to name a limit")
        }
        return override
    }

    /// `{ cost/month: 50 }`
    private func additions(_ entry: Entry) -> [Override.Addition] {
        var additions: [Override.Addition] = []
        for entry in entries(of: entry.value, at: entry.place, expected: "a map such as { cost/month: 50 }") {
            guard let limit = limitName(entry.key), limit.period != .request, limit.meter != .concurrent else {
                report(entry.place, "expected a limit such as cost/month")
                continue
            }
            guard !additions.contains(where: { $0.meter == limit.meter && $0.period == limit.period }) else {
                report(entry.place, "named twice, in another spelling")
                continue
            }
            guard let amount = amount(entry, limit.meter) else { continue }
            additions.append(.init(limit.meter, limit.period, amount: amount))
        }
        if additions.count > Policy.maxLimitsPerScope {
            report(entry.place, "\(additions.count) limits; there may be at most \(Policy.maxLimitsPerScope)")
        }
        return additions
    }

    private func limitName(_ text: String) -> (meter: Meter, period: Period)? {
        Limit.parse(name: text)
    }

    /// ISO 8601 with a time zone. Fractions of a second are left out.
    private func instant(_ entry: Entry) -> Int64? {
        let expected = "expected a time such as 2026-11-22T10:00:00Z"
        guard let text = entry.value.scalar?.string, let date = Self.date(text),
            (0...253_402_300_799).contains(date.timeIntervalSince1970)
        else {
            report(place(of: entry.value, at: entry.place), "\(expected)\(found(entry.value))")
            return nil
        }
        return Int64(date.timeIntervalSince1970.rounded(.down)) * 1_000
    }

    /// Foundation is content with a time at the beginning of a text, and takes February 30 for March 2.
    private static func date(_ text: String) -> Date? {
        let local = String(decoding: text.utf8.prefix("2026-11-22T10:00:00".utf8.count), as: UTF8.self)
        guard let asUTC = try? Date(local + "Z", strategy: .iso8601), asUTC.ISO8601Format() == local + "Z" else {
            return nil
        }
        var zone = text.utf8.dropFirst(local.utf8.count)
        if zone.first == UInt8(ascii: ".") {
            let digits = zone.dropFirst().prefix { (0x30...0x39).contains($0) }
            guard (1...9).contains(digits.count) else { return nil }
            zone = zone.dropFirst(1 + digits.count)
        }
        if zone.elementsEqual("Z".utf8) { return asUTC }
        let isOffset = zone.first == UInt8(ascii: "+") || zone.first == UInt8(ascii: "-")
        guard zone.count == "+01:00".utf8.count, isOffset else { return nil }
        return try? Date(local + String(decoding: zone, as: UTF8.self), strategy: .iso8601)
    }
}

extension Limit {
    /// Reads what `name` prints, with the period in any spelling: `requests/60s`, `cost/month`, `concurrent`.
    package static func parse(name: some StringProtocol) -> (meter: Meter, period: Period)? {
        let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let meter = parts.first.flatMap({ Meter(name: $0) }) else { return nil }
        guard meter != .concurrent else { return parts.count == 1 ? (meter, .reservation) : nil }
        guard parts.count == 2, let period = try? Period(parsing: parts[1]) else { return nil }
        return (meter, period)
    }
}
