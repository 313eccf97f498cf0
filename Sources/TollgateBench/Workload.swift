package import TollgateCore
package import TollgateLedger
package import TollgatePolicy

/// The random requests of one thread. The same seed produces the same requests. Pure.
package struct Workload: Sendable {
    package struct Settings: Sendable, Equatable {
        package var users = 1_000
        package var tools = 20
        package var providers = 4
        package var mix = VerbMix()
        package var seed: UInt64 = 1
        /// The unit of the costs, which are rounded up.
        package var moneyUnit = MoneyUnit.nano

        package init() {}
    }

    /// One request: a user calls a tool that uses a provider.
    package struct Call: Sendable, Equatable {
        package var verb: OperationVerb
        /// The index of the user, from 0.
        package var user: Int
        package var tool: Int
        package var provider: Int
        /// The tokens and cost of a RECORD or REFUND. Empty for a decision, which counts one request.
        package var amounts: Amounts
    }

    private static let maxTokens: UInt64 = 4_000
    /// The price of a token: 2.50 currency units per million tokens.
    private static let nanosPerToken: Int64 = 2_500

    private let settings: Settings
    private var random: SeededGenerator

    package init(_ settings: Settings, thread: Int) {
        self.settings = settings
        random = SeededGenerator(seed: settings.seed &+ UInt64(thread) &* 0x1_0000_0001)
    }

    package mutating func next() -> Call {
        let verb = settings.mix.verb(for: random.next())
        var amounts = Amounts()
        if !verb.isDecision {
            let tokens = Int64(1 + random.next() % Self.maxTokens)
            amounts.tokens = tokens
            let nanosPerUnit = Int64(MoneyUnit.nano.countPerCurrencyUnit / settings.moneyUnit.countPerCurrencyUnit)
            amounts.unit = settings.moneyUnit
            amounts.cost = (tokens * Self.nanosPerToken + nanosPerUnit - 1) / nanosPerUnit
        }
        return Call(
            verb: verb, user: below(settings.users), tool: below(settings.tools), provider: below(settings.providers),
            amounts: amounts)
    }

    private mutating func below(_ bound: Int) -> Int {
        Int(random.next() % UInt64(bound))
    }
}

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
                throw OperatorError("--mix \(text): duplicate verb \(parts[0])")
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
