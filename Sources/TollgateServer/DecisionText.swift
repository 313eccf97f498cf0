import NIOCore
import TollgateCore
import TollgateLedger
import TollgateWire

/// Writes the answers of the ledger as the body of a reply (README.md, Protocol).
enum DecisionText {
    static func write(_ answer: borrowing Answer, to buffer: inout ByteBuffer) {
        switch answer.outcome {
        case .allow:
            buffer.writeStaticString("ALLOW")
            if let limit = answer.limit {
                writeLimit(limit, used: answer.used, to: &buffer)
                buffer.writeStaticString(" reset=")
                buffer.writeSeconds(milliseconds: answer.milliseconds)
            }
        case .deny:
            guard let limit = answer.limit else { break }
            buffer.writeStaticString("DENY reason=")
            buffer.writeString(limit.limit.denialReason.rawValue)
            writeLimit(limit, used: answer.used, to: &buffer)
            if answer.milliseconds >= 0 {
                buffer.writeStaticString(" retry_after=")
                buffer.writeSeconds(milliseconds: answer.milliseconds)
            }
            buffer.writeBytes(limit.text.source)
        case .ok, .broken:
            buffer.writeStaticString("OK")
        }
        if !answer.shadows.isEmpty { writeShadows(answer.shadows, to: &buffer) }
        if !answer.warnings.isEmpty { writeWarnings(answer.warnings, to: &buffer) }
    }

    /// ` limit=user:alice/requests/1m max=60 used=3 remaining=57`
    private static func writeLimit(_ reference: Answer.LimitReference, used: Int64, to buffer: inout ByteBuffer) {
        let limit = reference.limit
        buffer.writeField("limit") { buffer in
            buffer.writeBytes(reference.plan.text)
            buffer.writeBytes(reference.text.name)
        }
        buffer.writeBytes(reference.text.max)
        buffer.writeStaticString(" used=")
        writeAmount(used, of: limit.meter, to: &buffer)
        buffer.writeStaticString(" remaining=")
        writeAmount(max((limit.max ?? 0) - used, 0), of: limit.meter, to: &buffer)
    }

    private static func writeAmount(_ amount: Int64, of meter: Meter, to buffer: inout ByteBuffer) {
        if meter == .cost { buffer.writeDecimal(nanos: amount) } else { buffer.writeDecimal(amount) }
    }

    private static func writeShadows(_ limits: [Answer.LimitReference], to buffer: inout ByteBuffer) {
        buffer.writeField("shadow") { buffer in
            for (place, limit) in limits.enumerated() {
                buffer.writeListItem(limit.plan.text + limit.text.name, isFirst: place == 0)
            }
        }
    }

    private static func writeWarnings(_ warnings: [Answer.Warning], to buffer: inout ByteBuffer) {
        buffer.writeField("warn") { buffer in
            for (place, warning) in warnings.enumerated() {
                let limit = warning.limit
                let threshold = limit.limitInForce.thresholdReached(by: warning.used) ?? 0
                buffer.writeListItem(
                    limit.plan.text + limit.text.name + Array(":\(threshold)".utf8), isFirst: place == 0)
            }
        }
    }
}

extension Answer.LimitReference {
    var limitInForce: EffectiveLimit { plan.set.limits[index] }
    var limit: Limit { limitInForce.limit }
    var text: LimitText { plan.set.texts[index] }
}

extension Limit {
    /// Why a request that this limit refuses is refused.
    var denialReason: DenialReason {
        if max == 0 { return .blocked }
        switch period {
        case .request: return .tooLarge
        case .sliding: return .rateLimited
        case .day, .week, .month, .total: return .quotaExceeded
        }
    }
}
