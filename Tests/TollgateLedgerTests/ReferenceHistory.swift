import TollgateCore

/// The reference model of days and months, as simple as possible. A day is divided by each dimension, with a part for usage
/// without a label, and a month is the sum of its days. Amounts taken back without a label come from that part, which may
/// fall below zero.
struct ReferenceHistory {
    static let dimensions = ["provider", "tool", "model"]
    private static let noLabel = ""

    struct Day {
        /// The month that the day counts in, by the calendar under which it was first written.
        let month: String
        /// The totals by meter.
        var inAll: [String: Int64] = [:]
        /// The parts by dimension, meter and label.
        var divided: [String: [String: [String: Int64]]] = [:]

        /// Changes the total of a meter, and the parts with these labels, by dimension.
        mutating func change(_ meter: String, _ labels: [(String, String)], _ body: (inout Int64) -> Void) {
            body(&inAll[meter, default: 0])
            for (dimension, label) in labels {
                body(&divided[dimension, default: [:]][meter, default: [:]][label, default: 0])
            }
        }

        /// The fields as in Redis, without zeros.
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

        /// The parts without a label by `cost/provider`, without zeros.
        var unnamed: [String: Int64] {
            var amounts: [String: Int64] = [:]
            for (dimension, meters) in divided {
                for (meter, labels) in meters { amounts["\(meter)/\(dimension)"] = labels[noLabel] }
            }
            return amounts.filter { $0.value != 0 }
        }
    }

    /// The days by scope and id.
    private(set) var days: [String: [String: Day]] = [:]

    /// The sums of the days of each month, by its id, without zeros.
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

    /// Takes back an amount, bounded by the total and by each named part.
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
        // In place: a day that is removed and reinserted would be copied with its labels.
        days[scope.description, default: [:]][day, default: Day(month: month)].change(meter, labels, body)
    }

    /// The labels of a request by dimension. The days of a provider are not divided by provider.
    private static func labels(of scope: Scope, in request: [Scope]) -> [(String, String)] {
        dimensions.filter { $0 != scope.kind.description }.map { dimension in
            let named = request.first { $0 != scope && $0.kind.description == dimension }
            return (dimension, named?.parts[0].id ?? noLabel)
        }
    }
}
