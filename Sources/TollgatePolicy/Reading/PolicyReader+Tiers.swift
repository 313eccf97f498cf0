import TollgateCore
import Yams

extension PolicyReader {
    /// The `tiers` section: a map of ids to tiers.
    func tiers(_ entry: Entry) -> [Tier] {
        guard !entry.value.isEmpty else { return [] }
        return entries(of: entry.value, at: entry.place, expected: "a map of tiers such as basic:").map {
            entry in
            do throws(ScopeError) {
                try Tier.validate(id: entry.key)
            } catch {
                report(entry.place, error.description)
            }
            return tier(entry.value, id: entry.key, at: entry.place)
        }
    }

    /// `{ name: Premium, limits: { cost: { month: 500 } }, timezone: Europe/Berlin, reset_hour: 6, billing_day: 15 }`
    func tier(_ node: Node, id: String, at place: Place) -> Tier {
        let keys = ["name", "limits", "timezone", "reset_hour", "billing_day"]
        let entries = entries(
            of: node, at: place, expected: "a map such as { limits: { cost: { month: 100 } } }", allowed: keys)
        var tier = Tier(id: id)
        for entry in entries {
            switch entry.key {
            case "name": tier.name = label(entry, longest: Tier.maxNameLength)
            case "limits":
                let limits = limits(entry.value, at: entry.place)
                warnings += PolicyLimits.warnings(about: limits, among: limits, self)
                tier.limits = scopeLimits(limits, entry)
            case "timezone": tier.timeZone = timeZone(entry)
            case "reset_hour": tier.resetHour = wholeNumber(entry.value, at: entry.place, in: 0...23).map(Int.init)
            case "billing_day": tier.billingDay = wholeNumber(entry.value, at: entry.place, in: 1...31).map(Int.init)
            default: break
            }
        }
        if node.mapping != nil, !entries.contains(where: { $0.key == "limits" }) {
            report(place.at("limits", line: place.line), "is missing")
        }
        return tier
    }

    private func timeZone(_ entry: Entry) -> String? {
        guard let name = text(entry.value, at: entry.place, expected: "a time zone such as Europe/Berlin") else {
            return nil
        }
        do throws(CalendarError) {
            return try CalendarRules(timeZone: name).timeZone
        } catch {
            report(entry.place, error.explanation)
            return nil
        }
    }

    /// The limits of one scope, tier or override: no more than can be read and written in one piece.
    func scopeLimits(_ entry: Entry) -> [Limit] {
        scopeLimits(limits(entry.value, at: entry.place), entry)
    }

    private func scopeLimits(_ limits: [PlacedLimit], _ entry: Entry) -> [Limit] {
        if limits.count > Policy.maxLimitsPerScope {
            report(entry.place, "\(limits.count) limits; there may be at most \(Policy.maxLimitsPerScope)")
        }
        return limits.map(\.limit)
    }

    /// Text for people: one line.
    func label(_ entry: Entry, longest: Int) -> String? {
        guard let text = text(entry.value, at: entry.place, expected: "text") else { return nil }
        let isPrintable = text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
        guard (1...longest).contains(text.utf8.count), isPrintable else {
            report(entry.place, "expected 1 to \(longest) bytes of text without control characters")
            return nil
        }
        return text
    }
}
