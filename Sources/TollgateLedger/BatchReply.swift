package import NIOCore

/// Reads what the batch script answered, operation by operation (batch.lua).
package struct BatchReply {
    enum Status {
        /// Nothing was applied: the calendar periods sent along do not hold at Redis's time.
        case otherTime
        case applied
    }

    let status: Status
    /// Redis's clock, Unix ms.
    let now: Int64
    private var answers: ByteBuffer
    private let plans: [ScopePlan]

    /// Added to an outcome where lists of shadow limits and warnings follow.
    private static let extras: Int64 = 10

    /// Nil when the bytes are not a batch's reply.
    init?(_ bytes: ByteBuffer, plans: [ScopePlan]) {
        var bytes = bytes
        guard bytes.readMessagePackArrayCount() != nil,
            let status = bytes.readMessagePackInteger(), status == 0 || status == 1,
            let now = bytes.readMessagePackInteger()
        else { return nil }
        self.status = status == 1 ? .applied : .otherTime
        self.now = now
        self.answers = bytes
        self.plans = plans
    }

    /// How the first operation of an applied batch came out, for an asker that needs no more; nil where there is no such.
    package static func firstOutcome(of bytes: ByteBuffer) -> Answer.Outcome? {
        var bytes = bytes
        guard bytes.readMessagePackArrayCount() != nil, bytes.readMessagePackInteger() == 1,
            bytes.readMessagePackInteger() != nil, let code = bytes.readMessagePackInteger()
        else { return nil }
        return Answer.Outcome(rawValue: code % extras)
    }

    /// The next operation's answer; nil when what comes is none.
    mutating func next() -> Answer? {
        guard let code = answers.readMessagePackInteger(),
            let outcome = Answer.Outcome(rawValue: code % Self.extras)
        else { return nil }
        var answer = Answer(outcome: outcome)
        switch outcome {
        case .allow, .deny:
            guard readLimit(into: &answer) else { return nil }
        case .broken:
            guard let place = readInteger() else { return nil }
            answer.limit = reference(scope: place, limit: 1)
        case .ok:
            break
        }
        if code >= Self.extras {
            guard readExtras(into: &answer) else { return nil }
        }
        return answer
    }

    private mutating func readLimit(into answer: inout Answer) -> Bool {
        guard let scope = readInteger(), let limit = readInteger(), let used = answers.readMessagePackInteger(),
            let milliseconds = answers.readMessagePackInteger()
        else { return false }
        answer.used = used
        answer.milliseconds = milliseconds
        guard scope != 0 else { return true }
        answer.limit = reference(scope: scope, limit: limit)
        return answer.limit != nil
    }

    private mutating func readExtras(into answer: inout Answer) -> Bool {
        guard let shadowCount = readInteger() else { return false }
        for _ in 0..<shadowCount {
            guard let limit = readReference() else { return false }
            answer.shadows.append(limit)
        }
        guard let warningCount = readInteger() else { return false }
        for _ in 0..<warningCount {
            guard let limit = readReference(), let used = answers.readMessagePackInteger() else { return false }
            answer.warnings.append(Answer.Warning(limit: limit, used: used))
        }
        return true
    }

    private mutating func readInteger() -> Int? {
        answers.readMessagePackInteger().flatMap { Int(exactly: $0) }
    }

    private mutating func readReference() -> Answer.LimitReference? {
        guard let scope = readInteger(), let limit = readInteger() else { return nil }
        return reference(scope: scope, limit: limit)
    }

    /// The script counts from 1. A scope without limits has no limit to refer to, but can still be the broken one.
    private func reference(scope: Int, limit: Int) -> Answer.LimitReference? {
        guard plans.indices.contains(scope - 1) else { return nil }
        let plan = plans[scope - 1]
        guard limit >= 1, limit <= max(plan.set.limits.count, 1) else { return nil }
        return Answer.LimitReference(plan: plan, index: limit - 1)
    }
}
