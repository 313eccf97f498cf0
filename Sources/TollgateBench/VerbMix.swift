package import TollgateLedger
package import TollgatePolicy

/// The relative frequency of each verb.
package struct VerbMix: Sendable, Equatable {
    package static let known: KeyValuePairs<String, OperationVerb> = [
        "check": .check, "peek": .peek, "record": .record, "refund": .refund,
    ]

    package private(set) var weights: [(name: String, verb: OperationVerb, weight: Int)] = [("check", .check, 100)]
    private var total = 100

    /// Creates a mix of CHECK only.
    package init() {}

    /// Parses `check=90,record=10`. Throws an error that names the option.
    package init(parsing text: String) throws(OperatorError) {
        weights = []
        total = 0
        for item in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, let verb = Self.known.first(where: { $0.key == parts[0] })?.value,
                let weight = Int(parts[1]), (1...1_000_000).contains(weight)
            else {
                let names = Self.known.map(\.key).joined(separator: ", ")
                throw OperatorError(
                    "--mix \(text): expected verb=weight, …, such as check=90,record=10 (verbs: \(names))")
            }
            guard !weights.contains(where: { $0.verb == verb }) else {
                throw OperatorError("--mix \(text): \(parts[0]) stands twice")
            }
            weights.append((String(parts[0]), verb, weight))
            total += weight
        }
    }

    /// Returns the verb for a random number.
    func verb(for random: UInt64) -> OperationVerb {
        var rest = Int(random % UInt64(total))
        for (_, verb, weight) in weights {
            if rest < weight { return verb }
            rest -= weight
        }
        return .check
    }

    package static func == (one: VerbMix, other: VerbMix) -> Bool {
        one.weights.elementsEqual(other.weights) { $0.verb == $1.verb && $0.weight == $1.weight }
    }
}
