package import NIOCore
package import TollgateCore
import TollgatePolicy

/// A denial or a change of alerts in a batch's reply, published off the path of requests (alerts.lua).
package enum LedgerNotice: Sendable {
    /// A denial to publish, or that of a limit in shadow mode.
    case denied(DenialEvent)
    /// Outbox items of a scope: changes of its alerts that have not been published yet.
    case outbox(AlertOutbox)
}

/// A reply of the batch script, read operation by operation (batch.lua).
package struct BatchReply {
    enum Status: Int64 {
        /// Nothing was applied: the calendar periods of the call are not valid at Redis's time.
        case otherTime = 0
        case applied = 1
        /// The batch was applied when it was sent before. There are no answers.
        case appliedBefore = 2
        /// The batch was applied when it was sent before, except operations on a scope whose key is not a hash.
        case appliedBeforeInPart = 3
        /// Nothing was applied: Redis does not know a limit set that the batch referred to by its id.
        case unknownSets = 4
        /// Nothing was applied: past days have to be moved first, and some of them are left.
        case again = 5
    }

    let status: Status
    /// The time of Redis's clock, Unix ms.
    let now: Int64
    private let bytes: ByteBuffer
    /// The offset of the next answer.
    private var position: Int
    private let plans: [ScopePlan]

    /// The number added to an outcome that lists of shadow limits and warnings follow.
    private static let extras: Int64 = 10
    /// The number added if reservations hold some of the limit; the amount follows the code.
    private static let held: Int64 = 20

    /// Reads the head of a reply; nil if the bytes are not a reply of the script.
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

    /// Returns the outcome of the first operation of an applied batch, without reading the rest; nil if there is none.
    package static func firstOutcome(of bytes: ByteBuffer) -> Answer.Outcome? {
        var bytes = bytes
        guard bytes.readMessagePackArrayCount() != nil, bytes.readMessagePackInteger() == 1,
            bytes.readMessagePackInteger() != nil, let code = bytes.readMessagePackInteger()
        else { return nil }
        return Answer.Outcome(rawValue: code % extras)
    }

    /// Reads the next operation's answer; nil if the next item is not an answer.
    package mutating func next(to verb: OperationVerb) -> Answer? {
        var next: Answer?
        bytes.withUnsafeReadableBytes { bytes in
            var reader = MessagePackReader(bytes, at: position)
            next = answer(to: verb, from: &reader)
            position = reader.position
        }
        return next
    }

    /// Reads the notices after the answers. Called when all answers have been read.
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
                    max: effective.limit.max ?? 0, used: used, held: held, unit: effective.limit.unit,
                    mode: effective.limit.mode,
                    source: effective.source.word, request: request))
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

    private func answer(to verb: OperationVerb, from reader: inout MessagePackReader) -> Answer? {
        guard let code = reader.readInteger(), let outcome = Answer.Outcome(rawValue: code % Self.extras) else {
            return nil
        }
        var answer = Answer(to: verb, outcome: outcome)
        if code >= Self.held {
            guard let held = reader.readInteger() else { return nil }
            answer.held = held
        }
        switch outcome {
        case .allow, .deny:
            guard readLimit(from: &reader, into: &answer) else { return nil }
        case .broken, .overfull, .brokenHolds:
            guard let plan = reader.readInteger().flatMap(plan(at:)) else { return nil }
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

    /// Returns the plan at the script's index, which starts at 1.
    private func plan(at scope: Int64) -> ScopePlan? {
        scope >= 1 && scope <= plans.count ? plans[Int(scope) - 1] : nil
    }
}
