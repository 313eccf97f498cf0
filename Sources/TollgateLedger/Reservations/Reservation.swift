package import TollgateCore

/// The amounts that a RESERVE holds, with everything that its COMMIT or CANCEL needs. The caller carries it as a token,
/// so that any sidecar can commit or cancel it. Immutable; a class, so that it is passed as one pointer.
package final class Reservation: Sendable {
    /// The time after its end for which a reservation can still be committed or cancelled, in ms.
    package static let endRemembered: Int64 = 86_400_000

    /// The value of ``madeAt`` in a CANCEL of a RESERVE that may not have been applied. Then the holds in Redis decide:
    /// requests are given back only if there are any.
    static let unknownTime: Int64 = 0

    /// A unique id: 1 … 64 of `0-9 a-z -`.
    package let id: String
    /// The scopes as the request named them, such as `user:alice`, and the account that its provider was bound to; at
    /// most 16.
    package let scopes: [String]
    /// The traits of the user in the request (`UserTraits.bytes`); empty if it had none.
    package let traits: String
    /// The number of requests consumed, which a CANCEL subtracts again. 0 for a reservation made without Redis.
    package let requests: Int64
    /// The held amounts by meter; cost in units of money.
    package let tokens: Int64
    package let inputTokens: Int64
    package let outputTokens: Int64
    package let cost: Int64
    /// The lifetime in ms, 1 000 … 86 400 000.
    package let timeToLive: Int64
    /// What happens to the held amounts when it expires; nil if the limits decide.
    package let onExpiry: ExpiryRule?
    /// The time at which it was made, Unix ms by Redis's clock, or `unknownTime`.
    package let madeAt: Int64

    /// The time from which nothing is held, Unix ms.
    package var endsAt: Int64 { madeAt + timeToLive }

    /// The hold as Redis stores it (holds.lua), which ``OpenHold`` reads.
    var hold: String {
        let rule = onExpiry.map { "+\($0.rawValue)" } ?? ""
        let names = scopes.joined(separator: "\t")
        return "\(id) \(timeToLive)\(rule) \(names) \(tokens) \(inputTokens) \(outputTokens) \(cost)"
    }

    package init(
        id: String, scopes: [String], traits: String = "", requests: Int64, tokens: Int64 = 0, inputTokens: Int64 = 0,
        outputTokens: Int64 = 0, cost: Int64 = 0, timeToLive: Int64, onExpiry: ExpiryRule? = nil,
        madeAt: Int64 = 0
    ) {
        self.id = id
        self.scopes = scopes
        self.traits = traits
        self.requests = requests
        self.tokens = tokens
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.cost = cost
        self.timeToLive = timeToLive
        self.onExpiry = onExpiry
        self.madeAt = madeAt
    }

    /// Returns a copy that holds another cost.
    func withCost(_ cost: Int64) -> Reservation {
        Reservation(
            id: id, scopes: scopes, traits: traits, requests: requests, tokens: tokens, inputTokens: inputTokens,
            outputTokens: outputTokens, cost: cost, timeToLive: timeToLive, onExpiry: onExpiry, madeAt: madeAt)
    }

    /// Returns a copy with the time (Unix ms) and the number of consumed requests.
    ///
    /// - Parameter requests: 0 if the RESERVE is answered without Redis.
    package func made(at time: Int64, requests: Int64) -> Reservation {
        Reservation(
            id: id, scopes: scopes, traits: traits, requests: requests, tokens: tokens, inputTokens: inputTokens,
            outputTokens: outputTokens, cost: cost, timeToLive: timeToLive, onExpiry: onExpiry,
            madeAt: time)
    }
}
