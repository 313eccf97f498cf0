import NIOCore
import TollgateCore

@testable import TollgateLedger
@testable import TollgatePolicy

/// An answer in the notation of `ReferenceLedger`, with its time.
struct AnswerLine: Sendable {
    var line = ""
    var milliseconds: Int64 = 0
}

/// Collects the answers of one batch.
final class AnswerCollector: OperationDelegate {
    let promise: EventLoopPromise<[AnswerLine]>
    private var lines: [AnswerLine]
    private var missing: Int

    init(expected: Int, promise: EventLoopPromise<[AnswerLine]>) {
        lines = Array(repeating: AnswerLine(), count: expected)
        missing = expected
        self.promise = promise
        if expected == 0 { promise.succeed([]) }
    }

    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {
        take(AnswerLine(line: Self.line(answer), milliseconds: answer.milliseconds), ticket)
    }

    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {
        take(AnswerLine(line: "FAILED \(failure)"), ticket)
    }

    private func take(_ line: AnswerLine, _ ticket: Int) {
        lines[ticket] = line
        missing -= 1
        if missing == 0 { promise.succeed(lines) }
    }

    private static func line(_ answer: borrowing Answer) -> String {
        var line: String
        let used = answer.used
        let held = answer.held > 0 ? " held=\(answer.held)" : ""
        let wait = answer.milliseconds
        // An answer about a scope without limits has no name of one.
        let limit = answer.limit.flatMap { $0.plan.set.limits.isEmpty ? nil : $0 }
        let name = limit.map { " \($0.plan.scope)/\($0.plan.set.limits[$0.index].limit.name)" } ?? ""
        switch answer.outcome {
        case .allow: line = name.isEmpty ? "ALLOW" : "ALLOW\(name) used=\(used)\(held)"
        case .deny: line = "DENY\(name) used=\(used)\(held) wait=\(wait)"
        case .ok: line = "OK"
        case .duplicate: line = "OK duplicate"
        case .late: line = "OK late"
        case .queued: line = "OK queued"
        case .conflict: line = "CONFLICT"
        case .overfull: line = "OVERFULL \(answer.limit?.plan.scope.description ?? "")"
        case .brokenHolds: line = "BROKEN HOLDS \(answer.limit?.plan.scope.description ?? "")"
        case .broken: line = "BROKEN \(answer.limit?.plan.scope.description ?? "")"
        }
        let shadows = (answer.extras?.shadows ?? []).map { shadow in
            "\(shadow.plan.scope)/\(shadow.plan.set.limits[shadow.index].limit.name)"
        }
        if !shadows.isEmpty { line += " shadow=\(shadows.joined(separator: ","))" }
        return line
    }
}
