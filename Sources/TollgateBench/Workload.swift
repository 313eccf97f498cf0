package import TollgateCore
package import TollgateLedger

/// The random requests of one thread. The same seed produces the same requests. Pure.
package struct Workload: Sendable {
    package struct Settings: Sendable, Equatable {
        package var users = 1_000
        package var tools = 20
        package var providers = 4
        package var mix = VerbMix()
        package var seed: UInt64 = 1

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
            amounts.cost = tokens * Self.nanosPerToken
        }
        return Call(
            verb: verb, user: below(settings.users), tool: below(settings.tools), provider: below(settings.providers),
            amounts: amounts)
    }

    private mutating func below(_ bound: Int) -> Int {
        Int(random.next() % UInt64(bound))
    }
}
