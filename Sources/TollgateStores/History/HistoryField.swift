package import TollgateCore

/// A field of a page of history: `cost`, `cost/provider=openai`, or `cost/tool/other`, where labels too many count together.
package struct HistoryField: Sendable, Hashable {
    /// What part of the page it counts.
    package enum Place: Sendable, Hashable {
        case total
        /// A label as a part of a scope: `provider:openai`.
        case label(Scope.Part)
        case other(HistoryDimension)
    }

    package var meter: HistoryMeter
    package var place: Place

    /// Nil for any other text. Goes by bytes: a label may begin with a mark that would join the `=` before it.
    package init?(_ name: some Collection<UInt8>) {
        let slash = name.firstIndex(of: UInt8(ascii: "/"))
        let word = String(decoding: name[..<(slash ?? name.endIndex)], as: UTF8.self)
        guard let meter = HistoryMeter(rawValue: word) else { return nil }
        self.meter = meter
        guard let slash else {
            place = .total
            return
        }
        let part = name[name.index(after: slash)...]
        guard let end = part.firstIndex(where: { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "/") }),
            let dimension = HistoryDimension(rawValue: String(decoding: part[..<end], as: UTF8.self))
        else { return nil }
        let label = String(decoding: part[part.index(after: end)...], as: UTF8.self)
        if part[end] == UInt8(ascii: "=") {
            place = .label(Scope.Part(kind: dimension.name, id: label))
        } else if label == "other" {
            place = .other(dimension)
        } else {
            return nil
        }
    }
}
