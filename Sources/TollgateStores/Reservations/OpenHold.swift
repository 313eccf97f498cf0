package import TollgateCore
package import TollgateLedger

/// The amounts that an open reservation holds of a scope, as stored in Redis (batch/holds.lua).
package struct OpenHold: Sendable, Equatable {
    /// The id of the reservation: 1 … 64 characters of `0-9 a-z -`.
    package let id: String
    /// The scopes that the request named: `user:alice`.
    package let scopes: [String]
    /// The held amounts without requests; cost in units of money.
    package let amounts: Amounts
    /// The lifetime of the reservation in ms.
    package let timeToLive: Int64
    /// The `on_expiry` of the request; nil if the limits decide.
    package let onExpiry: ExpiryRule?
    /// What is charged to the scope at its end, of tokens and cost; nil if an older version has made the reservation,
    /// which left that to the limits at its end.
    package let charge: ChargedParts?
    /// The end of the reservation, Unix ms by Redis's clock.
    package let endsAt: Int64

    /// The time of the RESERVE, Unix ms by Redis's clock.
    package var madeAt: Int64 { endsAt - timeToLive }

    /// The reservation with the amounts of this hold. A CANCEL of it ends the hold, and subtracts no request.
    package var reservation: Reservation {
        Reservation(
            id: id, scopes: scopes, requests: 0, tokens: amounts.tokens ?? 0, inputTokens: amounts.inputTokens ?? 0,
            outputTokens: amounts.outputTokens ?? 0, cost: amounts.cost ?? 0, timeToLive: timeToLive,
            onExpiry: onExpiry, madeAt: madeAt)
    }

    /// Decodes a member of the sorted set of holds, which ``Reservation/hold`` encodes, and its score
    /// (batch/hold_score.lua); nil for any other text.
    init?(_ text: String, score: String) {
        guard let score = Double(score), (0..<9e15).contains(score) else { return nil }
        let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3 else { return nil }
        let terms = words[1].split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        guard let timeToLive = Int64(terms[0]) else { return nil }
        if terms.count == 2 {
            guard let rule = ExpiryRule(rawValue: String(terms[1])) else { return nil }
            onExpiry = rule
        } else {
            onExpiry = nil
        }
        var rest = words[2]
        var numbers: [Int64] = []
        for _ in 0..<4 {
            guard let space = rest.lastIndex(of: " "), let number = Int64(rest[rest.index(after: space)...]) else {
                return nil
            }
            numbers.append(number)
            rest = rest[..<space]
        }
        id = String(words[0])
        scopes = rest.split(separator: "\t").map(String.init)
        amounts = Amounts(tokens: numbers[3], inputTokens: numbers[2], outputTokens: numbers[1], cost: numbers[0])
        self.timeToLive = timeToLive
        endsAt = Int64(score)
        let decided = Int((score - score.rounded(.down)) * 256) - 128
        charge = decided < 0 ? nil : ChargedParts(tokens: decided / 32 % 2 == 1, cost: decided / 64 == 1)
    }
}

/// The parts of a reservation that become usage if it expires.
package struct ChargedParts: Sendable, Equatable {
    /// Tokens, input tokens and output tokens.
    package var tokens: Bool
    package var cost: Bool
}
