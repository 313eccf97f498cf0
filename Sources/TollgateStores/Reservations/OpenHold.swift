package import TollgateCore
package import TollgateLedger

/// What one open reservation holds of a scope, as it stands in Redis (holds.lua).
package struct OpenHold: Sendable, Equatable {
    /// 1 … 64 of `0-9 a-z -`.
    package let id: String
    /// As the request named them: `user:alice`.
    package let scopes: [String]
    /// Held, without requests; cost in nano-units.
    package let amounts: Amounts
    /// In ms.
    package let timeToLive: Int64
    /// Unix ms, by Redis's clock.
    package let endsAt: Int64

    /// Unix ms, by Redis's clock.
    package var madeAt: Int64 { endsAt - timeToLive }

    /// The reservation, so far as its hold tells: a CANCEL of it ends the hold, and gives back no request.
    package var reservation: Reservation {
        Reservation(
            id: id, scopes: scopes, hits: 0, tokens: amounts.tokens ?? 0, inputTokens: amounts.inputTokens ?? 0,
            outputTokens: amounts.outputTokens ?? 0, cost: amounts.cost ?? 0, timeToLive: timeToLive, madeAt: madeAt)
    }

    /// Nil when the text is not what ``Reservation/hold`` returns.
    init?(_ text: String, endsAt: Int64) {
        let words = text.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count == 3, let timeToLive = Int64(words[1]) else { return nil }
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
        self.endsAt = endsAt
    }
}
