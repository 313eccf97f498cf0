package import Foundation
import TollgateCore

extension PolicyReader {
    /// An override: `{ limits: { … }, add: { cost/month: 50 }, expires_at: 2026-11-22T10:00:00Z, reason: … }`
    func override(_ node: DocumentNode, at position: Position) -> Override? {
        let entries = entries(
            of: node, at: position, expected: "a map", allowed: ["limits", "add", "expires_at", "reason"])
        var override = Override(expiresAt: 0, reason: "")
        for entry in entries {
            switch entry.key {
            case "limits": override.limits = scopeLimits(entry)
            case "add": override.additions = additions(entry)
            case "expires_at": override.expiresAt = instant(entry) ?? 0
            case "reason": override.reason = label(entry, maxLength: Override.maxReasonLength) ?? ""
            default: break
            }
        }
        guard node.members != nil else { return nil }
        for key in ["expires_at", "reason"] where !entries.contains(where: { $0.key == key }) {
            report(position.at(key, line: position.line), "is missing")
        }
        if override.limits.isEmpty, override.additions.isEmpty, problems.isEmpty {
            report(position, "limits or add has to name a limit")
        }
        return override
    }

    /// The amounts that an override adds to limits: `{ cost/month: 50 }`.
    private func additions(_ entry: Entry) -> [Override.Addition] {
        var additions: [Override.Addition] = []
        for entry in entries(of: entry.value, at: entry.position, expected: "a map such as { cost/month: 50 }") {
            guard let limit = Limit.parse(name: entry.key), limit.period != .request, limit.meter != .concurrent else {
                report(entry.position, "\(Limit.hint(about: entry.key))expected a limit such as cost/month")
                continue
            }
            guard !additions.contains(where: { $0.meter == limit.meter && $0.period == limit.period }) else {
                report(entry.position, "duplicate limit in another spelling")
                continue
            }
            guard let amount = amount(entry, limit.meter) else { continue }
            additions.append(.init(limit.meter, limit.period, amount: amount, unit: moneyUnit))
        }
        if additions.count > Policy.maxLimitsPerScope {
            report(entry.position, "\(additions.count) limits; there may be at most \(Policy.maxLimitsPerScope)")
        }
        return additions
    }

    /// A time in ISO 8601 with a time zone, as Unix ms. Fractions of a second are dropped.
    private func instant(_ entry: Entry) -> Int64? {
        let expected = "expected a time such as 2026-11-22T10:00:00Z"
        guard let text = entry.value.text, let date = Self.date(text),
            (0...253_402_300_799).contains(date.timeIntervalSince1970)
        else {
            report(position(of: entry.value, at: entry.position), "\(expected)\(found(entry.value))")
            return nil
        }
        return Int64(date.timeIntervalSince1970.rounded(.down)) * 1_000
    }

    /// Parses a time such as `2026-11-22T10:00:00Z`. Checks what Foundation does not: it accepts a time at the beginning of a text, and reads February 30 as March 2.
    package static func date(_ text: String) -> Date? {
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
