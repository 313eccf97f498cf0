import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateWire

extension RequestError {
    /// The error of an operation that the script did not apply; nil if it did.
    init?(_ answer: borrowing Answer) {
        switch answer.outcome {
        case .allow, .deny, .ok, .duplicate, .late, .queued: return nil
        case .broken, .overfull, .conflict, .brokenHolds: break
        }
        let scope = answer.limit.map { "\($0.plan.scope)" } ?? "a scope"
        switch answer.outcome {
        case .broken: self.init(.internal, "the key of \(scope) in Redis is not a hash")
        case .brokenHolds: self.init(.internal, "a key of the reservations of \(scope) in Redis is not a sorted set")
        case .overfull: self.init(.badRequest, "RESERVE: \(scope) would hold more than can be counted")
        default: self.init(.conflict, "id: used before for other amounts")
        }
    }

    /// The error of an operation that got no answer from Redis.
    init(_ failure: LedgerFailure) {
        switch failure {
        case .unavailable(let why): self.init(.unavailable, "Redis: \(why)")
        case .unsupported(let why): self.init(.unavailable, why)
        case .timeout: self.init(.timeout, "no answer from Redis within the deadline")
        case .busy: self.init(.busy, "too many requests are waiting for Redis")
        case .refused(let why), .internal(let why): self.init(.internal, why)
        }
    }
}

extension RequestError {
    /// The error of a request that names a kind which is not known.
    init(unknownKind kind: String, of verb: Verb, _ kinds: KnownKinds) {
        self.init(.badRequest, "\(kind): \(kinds.explanation(of: kind, arguments: verb.argumentNames))")
    }

    /// The error of a request without scopes, which no limit could apply to.
    static func namesNoScope(_ verb: Verb) -> RequestError {
        RequestError(.badRequest, "\(verb.name): names no scope; expected one or more, such as user=alice")
    }
}

extension LedgerFailure {
    /// The failure as a decision reports it: a timeout counts as an outage.
    var asUnavailable: LedgerFailure {
        self == .timeout ? .unavailable("no answer within the deadline") : self
    }
}
