/// What a RESERVE keeps back, and all that its COMMIT or CANCEL has to know of it. The caller carries it as a token, so that any
/// sidecar can settle it. Immutable; a class, so that it travels as one pointer.
package final class Reservation: Sendable {
    /// How long after its end a reservation can still be settled, in ms.
    package static let endRemembered: Int64 = 86_400_000

    /// In place of the time at which it was made, for a CANCEL where that is not known, nor whether it was: then the holds in Redis
    /// say so, and a request is given back only where there are any.
    static let unknownTime: Int64 = 0

    /// 1 … 64 of `0-9 a-z -`; no other reservation's.
    package let id: String
    /// As the request named them: `user:alice`; at most 16.
    package let scopes: [String]
    /// What the request said of the user, as `UserTraits.bytes` has it; empty for nothing.
    package let traits: String
    /// Requests that were consumed; given back by a CANCEL. 0 where it was made without Redis.
    package let hits: Int64
    /// Held, per meter; cost in nano-units.
    package let tokens: Int64
    package let inputTokens: Int64
    package let outputTokens: Int64
    package let cost: Int64
    /// In ms, 1 000 … 86 400 000.
    package let timeToLive: Int64
    /// Unix ms, by Redis's clock; or `unknownTime`.
    package let madeAt: Int64

    /// Unix ms: from then on nothing is held.
    package var endsAt: Int64 { madeAt + timeToLive }

    /// The hold in Redis (holds.lua), which ``OpenHold`` reads.
    var hold: String {
        "\(id) \(timeToLive) \(scopes.joined(separator: "\t")) \(tokens) \(inputTokens) \(outputTokens) \(cost)"
    }

    package init(
        id: String, scopes: [String], traits: String = "", hits: Int64, tokens: Int64 = 0, inputTokens: Int64 = 0,
        outputTokens: Int64 = 0,
        cost: Int64 = 0, timeToLive: Int64, madeAt: Int64 = 0
    ) {
        self.id = id
        self.scopes = scopes
        self.traits = traits
        self.hits = hits
        self.tokens = tokens
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.cost = cost
        self.timeToLive = timeToLive
        self.madeAt = madeAt
    }

    /// The same as Redis made it at a time (Unix ms), or with no hits as it is handed out without Redis.
    package func made(at time: Int64, hits: Int64) -> Reservation {
        Reservation(
            id: id, scopes: scopes, traits: traits, hits: hits, tokens: tokens, inputTokens: inputTokens,
            outputTokens: outputTokens,
            cost: cost, timeToLive: timeToLive, madeAt: time)
    }
}
