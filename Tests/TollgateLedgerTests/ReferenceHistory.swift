import TollgateCore

/// What the days and months of scopes should hold, written down in the plainest way: a day is divided by each dimension, what
/// has no label of it being a part too, and a month is the sum of its days. What is taken back without naming a label is taken
/// from the part that has none, which so may fall below zero.
struct ReferenceHistory {
    static let dimensions = ["provider", "tool", "model"]
    private static let noLabel = ""

    struct Day {
        /// The month that it counts in: that of the calendar under which it was first written.
        let month: String
        /// By meter.
        var inAll: [String: Int64] = [:]
        /// By dimension, then by meter, then by label.
        var divided: [String: [String: [String: Int64]]] = [:]

        /// Changes the amount of a meter in all and in the parts with these labels, by dimension.
        mutating func change(_ meter: String, _ labels: [(String, String)], _ body: (inout Int64) -> Void) {
            body(&inAll[meter, default: 0])
            for (dimension, label) in labels {
                body(&divided[dimension, default: [:]][meter, default: [:]][label, default: 0])
            }
        }

        /// As they stand in Redis, without what is 0.
        var fields: [String: Int64] {
            var fields = inAll
            for (dimension, meters) in divided {
                for (meter, labels) in meters {
                    for (label, amount) in labels where label != noLabel {
                        fields["\(meter)/\(dimension)=\(label)"] = amount
                    }
                }
            }
            return fields.filter { $0.value != 0 }
        }

        /// What has no label, by `cost/provider`; without what is 0.
        var unnamed: [String: Int64] {
            var amounts: [String: Int64] = [:]
            for (dimension, meters) in divided {
                for (meter, labels) in meters { amounts["\(meter)/\(dimension)"] = labels[noLabel] }
            }
            return amounts.filter { $0.value != 0 }
        }
    }

    /// By scope, then by the day's id.
    private(set) var days: [String: [String: Day]] = [:]

    /// By the month's id: the sums of these numbers of its days, without what is 0.
    func months(of scope: String, _ numbers: KeyPath<Day, [String: Int64]>) -> [String: [String: Int64]] {
        var months: [String: [String: Int64]] = [:]
        for day in days[scope, default: [:]].values {
            months[day.month, default: [:]].merge(day[keyPath: numbers], uniquingKeysWith: +)
        }
        return months.mapValues { $0.filter { $0.value != 0 } }
    }

    /// Adds an amount of a request to the day of one of its scopes.
    mutating func add(
        _ amount: Int64, _ meter: String, to scope: Scope, of request: [Scope], day: String, month: String
    ) {
        guard amount > 0 else { return }
        change(meter, scope, request, day: day, month: month) { $0 += amount }
    }

    /// Takes back as much as there is in all, and in each of the parts that are named.
    mutating func take(_ amount: Int64, _ meter: String, from scope: Scope, of request: [Scope], day: String) {
        guard let page = days[scope.description]?[day] else { return }
        var taken = min(amount, page.inAll[meter, default: 0])
        for (dimension, label) in Self.labels(of: scope, in: request) where label != Self.noLabel {
            taken = min(taken, page.divided[dimension]?[meter]?[label] ?? 0)
        }
        guard taken > 0 else { return }
        change(meter, scope, request, day: day, month: page.month) { $0 -= taken }
    }

    private mutating func change(
        _ meter: String, _ scope: Scope, _ request: [Scope], day: String, month: String,
        _ body: (inout Int64) -> Void
    ) {
        let labels = Self.labels(of: scope, in: request)
        // In place: a day that is taken out and put back is copied, labels and all.
        days[scope.description, default: [:]][day, default: Day(month: month)].change(meter, labels, body)
    }

    /// Which part of each dimension a request belongs to; the page of a provider is not divided by provider.
    private static func labels(of scope: Scope, in request: [Scope]) -> [(String, String)] {
        dimensions.filter { $0 != scope.kind.description }.map { dimension in
            let named = request.first { $0 != scope && $0.kind.description == dimension }
            return (dimension, named?.parts[0].id ?? noLabel)
        }
    }
}
