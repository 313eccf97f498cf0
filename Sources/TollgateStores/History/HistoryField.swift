package import TollgateCore

/// A dimension by which the amounts of a day or a month are split. Each is also a kind of scopes.
package enum HistoryDimension: String, CaseIterable, Sendable {
    case provider
    case tool
    case model

    /// The name used in Redis, in queries and in reports.
    package var name: String { rawValue }
}

/// A field of a history record: `cost`, `cost/provider=openai`, or `cost/tool/other` for the labels beyond the maximum.
package struct HistoryField: Sendable, Hashable {
    /// The part of the usage that a field counts.
    package enum Part: Sendable, Hashable {
        case total
        /// The usage of one label, as a part of a scope: `provider:openai`.
        case label(Scope.Part)
        /// The usage of the labels beyond the maximum.
        case other(HistoryDimension)
    }

    package var meter: HistoryMeter
    package var part: Part

    package init(meter: HistoryMeter, part: Part) {
        self.meter = meter
        self.part = part
    }

    /// Parses the name of a field; nil for any other text.
    ///
    /// It compares bytes, because a label may start with a combining character that would join the `=` before it.
    package init?(_ name: some Collection<UInt8>) {
        let slash = name.firstIndex(of: UInt8(ascii: "/"))
        let word = String(decoding: name[..<(slash ?? name.endIndex)], as: UTF8.self)
        guard let meter = HistoryMeter(rawValue: word) else { return nil }
        self.meter = meter
        guard let slash else {
            part = .total
            return
        }
        let rest = name[name.index(after: slash)...]
        guard let end = rest.firstIndex(where: { $0 == UInt8(ascii: "=") || $0 == UInt8(ascii: "/") }),
            let dimension = HistoryDimension(rawValue: String(decoding: rest[..<end], as: UTF8.self))
        else { return nil }
        let label = String(decoding: rest[rest.index(after: end)...], as: UTF8.self)
        if rest[end] == UInt8(ascii: "=") {
            part = .label(Scope.Part(kind: dimension.name, id: label))
        } else if label == "other" {
            part = .other(dimension)
        } else {
            return nil
        }
    }
}
