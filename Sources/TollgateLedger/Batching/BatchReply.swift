package import NIOCore
import TollgateCore
import TollgatePolicy

/// Reads what the batch script answered, operation by operation (batch.lua).
package struct BatchReply {
    enum Status: Int64 {
        /// Nothing was applied: the calendar periods sent along do not hold at Redis's time.
        case otherTime = 0
        case applied = 1
        /// By its identity, the first time that it was sent. There are no answers.
        case appliedBefore = 2
        /// The same, but for operations whose scope's key is not a hash.
        case appliedBeforeInPart = 3
        /// Nothing was applied: Redis does not know a limit set that the batch named by its id alone.
        case unknownSets = 4
        /// Nothing was applied: days that are over had to be moved first, and not all of them are yet.
        case again = 5
    }

    let status: Status
    /// Redis's clock, Unix ms.
    let now: Int64
    private let bytes: ByteBuffer
    /// Of the next answer.
    private var position: Int
    private let plans: [ScopePlan]

    /// Added to an outcome where lists of shadow limits and warnings follow.
    private static let extras: Int64 = 10
    /// Added where reservations hold something of the limit; the amount follows the code.
    private static let held: Int64 = 20

    /// Nil when the bytes are not a batch's reply.
    package init?(_ bytes: ByteBuffer, plans: [ScopePlan]) {
        var answers = bytes
        guard answers.readMessagePackArrayCount() != nil,
            let status = answers.readMessagePackInteger().flatMap(Status.init(rawValue:)),
            let now = answers.readMessagePackInteger()
        else { return nil }
        self.status = status
        self.now = now
        self.bytes = answers
        self.plans = plans
        position = 0
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
    package mutating func next() -> Answer? {
        var next: Answer?
        bytes.withUnsafeReadableBytes { bytes in
            var reader = MessagePackReader(bytes, at: position)
            next = answer(from: &reader)
            position = reader.position
        }
        return next
    }

    /// What stands behind the last answer; to be called when all answers have been read.
    func notices() -> [LedgerNotice] {
        bytes.withUnsafeReadableBytes { bytes in
            var reader = MessagePackReader(bytes, at: position)
            var notices: [LedgerNotice] = []
            while let notice = notice(from: &reader) { notices.append(notice) }
            return notices
        }
    }

    private func notice(from reader: inout MessagePackReader) -> LedgerNotice? {
        switch reader.readInteger() {
        case 1:
            guard let limit = readReference(from: &reader), let used = reader.readInteger(),
                let held = reader.readInteger(), let count = reader.readInteger(), count >= 0
            else { return nil }
            var request: [Scope] = []
            for _ in 0..<count {
                guard let plan = reader.readInteger().flatMap(plan(at:)) else { return nil }
                request.append(plan.scope)
            }
            let effective = limit.plan.set.limits[limit.index]
            return .denied(
                DenialEvent(
                    at: now, scope: limit.plan.scope, meter: effective.limit.meter, period: effective.limit.period,
                    max: effective.limit.max ?? 0, used: used, held: held, source: effective.source.word,
                    request: request))
        case 2:
            guard let plan = reader.readInteger().flatMap(plan(at:)), let count = reader.readInteger(), count >= 0
            else { return nil }
            var items: [String] = []
            for _ in 0..<count {
                guard let item = reader.readText() else { return nil }
                items.append(item)
            }
            return .outbox(AlertOutbox(scope: plan.scope, items: items))
        default: return nil
        }
    }

    private func answer(from reader: inout MessagePackReader) -> Answer? {
        guard let code = reader.readInteger(), let outcome = Answer.Outcome(rawValue: code % Self.extras) else {
            return nil
        }
        var answer = Answer(outcome: outcome)
        if code >= Self.held {
            guard let held = reader.readInteger() else { return nil }
            answer.held = held
        }
        switch outcome {
        case .allow, .deny:
            guard readLimit(from: &reader, into: &answer) else { return nil }
        case .broken, .overfull:
            guard let place = reader.readInteger() else { return nil }
            guard let plan = plan(at: place) else { return nil }
            answer.limit = Answer.LimitReference(plan: plan, index: 0)
        case .ok, .duplicate, .late, .conflict, .queued:
            break
        }
        if code % Self.held >= Self.extras {
            guard readExtras(from: &reader, into: &answer) else { return nil }
        }
        return answer
    }

    private func readLimit(from reader: inout MessagePackReader, into answer: inout Answer) -> Bool {
        guard let scope = reader.readInteger(), let limit = reader.readInteger(), let used = reader.readInteger(),
            let milliseconds = reader.readInteger()
        else { return false }
        answer.used = used
        answer.milliseconds = milliseconds
        guard scope != 0 else { return true }
        answer.limit = reference(scope: scope, limit: limit)
        return answer.limit != nil
    }

    private func readExtras(from reader: inout MessagePackReader, into answer: inout Answer) -> Bool {
        let extras = answer.makeExtras()
        guard let shadowCount = reader.readInteger(), shadowCount >= 0 else { return false }
        for _ in 0..<shadowCount {
            guard let limit = readReference(from: &reader) else { return false }
            extras.shadows.append(limit)
        }
        guard let warningCount = reader.readInteger(), warningCount >= 0 else { return false }
        for _ in 0..<warningCount {
            guard let limit = readReference(from: &reader), let used = reader.readInteger() else { return false }
            extras.warnings.append(Answer.Warning(limit: limit, used: used))
        }
        return true
    }

    private func readReference(from reader: inout MessagePackReader) -> Answer.LimitReference? {
        guard let scope = reader.readInteger(), let limit = reader.readInteger() else { return nil }
        return reference(scope: scope, limit: limit)
    }

    private func reference(scope: Int64, limit: Int64) -> Answer.LimitReference? {
        guard let plan = plan(at: scope), limit >= 1, limit <= plan.set.limits.count else { return nil }
        return Answer.LimitReference(plan: plan, index: Int(limit) - 1)
    }

    /// The script counts from 1.
    private func plan(at scope: Int64) -> ScopePlan? {
        scope >= 1 && scope <= plans.count ? plans[Int(scope) - 1] : nil
    }
}
