package import NIOCore
import TollgateCore
package import TollgateLedger
import TollgatePolicy
import TollgateWire

/// The text of a decision in a reply (docs/protocol.md).
package enum DecisionText {
    /// Writes the body of the reply to an operation.
    package static func write(_ answer: borrowing Answer, to buffer: inout ByteBuffer) {
        switch answer.outcome {
        case .allow:
            if let limit = answer.limit {
                writeAllow(limit, answer, to: &buffer)
            } else {
                buffer.writeStaticString("ALLOW")
            }
        case .deny:
            if let limit = answer.limit { writeDeny(limit, answer, to: &buffer) }
        case .ok, .broken, .overfull, .conflict, .brokenHolds: buffer.writeStaticString("OK")
        case .duplicate: buffer.writeStaticString("OK duplicate=1")
        case .late: buffer.writeStaticString("OK late=1")
        case .queued: buffer.writeStaticString("OK queued=1")
        }
        guard let extras = answer.extras else { return }
        if let token = extras.token { writeReservation(token, to: &buffer) }
        if !extras.shadows.isEmpty { writeShadows(extras.shadows, to: &buffer) }
        if !extras.warnings.isEmpty { writeWarnings(extras.warnings, to: &buffer) }
    }

    /// Writes the body of the reply to a decision that was made without Redis.
    ///
    /// - Parameter token: The token of a RESERVE.
    static func writeDegraded(token: String?, to buffer: inout ByteBuffer) {
        buffer.writeStaticString("ALLOW degraded=1")
        if let token { writeReservation(token, to: &buffer) }
    }

    /// Writes the end of a reply to a request whose cost was computed, such as ` cost=0.0185`.
    static func write(_ price: Pricer.Price, in unit: MoneyUnit, to buffer: inout ByteBuffer) {
        if let cost = price.cost {
            buffer.writeStaticString(" cost=")
            buffer.writeMoney(cost, in: unit)
        }
        if price.unknown != nil { buffer.writeStaticString(" price=unknown") }
    }

    private static func writeReservation(_ token: String, to buffer: inout ByteBuffer) {
        buffer.writeStaticString(" reservation=")
        buffer.writeString(token)
    }

    /// The bytes of the fields' names and of four numbers, at most.
    private static let maxFrameLength = 192

    /// Writes a reply such as `ALLOW limit=user:alice/requests/1m max=60 used=3 remaining=57 reset=41.2`.
    private static func writeAllow(
        _ limit: Answer.LimitReference, _ answer: borrowing Answer, to buffer: inout ByteBuffer
    ) {
        let (used, held, milliseconds) = (answer.used, answer.held, answer.milliseconds)
        writeName(of: limit, after: "ALLOW", to: &buffer) { text, writer in
            write(text, used, held, to: &writer)
            writer.write(" reset=")
            writer.writeSeconds(milliseconds: milliseconds)
        }
    }

    /// Writes a reply such as `DENY reason=rate_limited limit=user:alice/requests/1m max=60 used=60 remaining=0
    /// retry_after=12.4 source=defaults`.
    private static func writeDeny(
        _ limit: Answer.LimitReference, _ answer: borrowing Answer, to buffer: inout ByteBuffer
    ) {
        let (used, held, milliseconds) = (answer.used, answer.held, answer.milliseconds)
        buffer.writeStaticString("DENY reason=")
        buffer.writeString(limit.limit.denialReason.rawValue)
        writeName(of: limit, after: "", to: &buffer) { text, writer in
            write(text, used, held, to: &writer)
            if milliseconds >= 0 {
                writer.write(" retry_after=")
                writer.writeSeconds(milliseconds: milliseconds)
            }
            writer.write(text.source)
        }
    }

    /// Writes the first word, ` limit=…`, and then the rest.
    @inline(__always)
    private static func writeName(
        of limit: Answer.LimitReference, after word: StaticString, to buffer: inout ByteBuffer,
        rest: (LimitText, inout TextWriter) -> Void
    ) {
        let (plan, text) = (limit.plan, limit.text)
        if !plan.isPlainText {
            buffer.writeStaticString(word)
            buffer.writeField("limit") { buffer in
                buffer.writeBytes(plan.text)
                buffer.writeBytes(text.name)
            }
        }
        let length = plan.textLength + text.name.count + text.max.count + text.source.count + maxFrameLength
        buffer.writeText(atMost: length) { writer in
            if plan.isPlainText {
                writer.write(word)
                writer.write(" limit=")
                plan.withText { writer.write($0) }
                writer.write(text.name)
            }
            rest(text, &writer)
        }
    }

    /// Writes the amounts, such as ` max=60 used=3 held=2 remaining=55`.
    @inline(__always)
    private static func write(_ text: LimitText, _ used: Int64, _ held: Int64, to writer: inout TextWriter) {
        writer.write(text.max)
        writer.write(" used=")
        writeAmount(used, text.moneyUnit, to: &writer)
        if held > 0 {
            writer.write(" held=")
            writeAmount(held, text.moneyUnit, to: &writer)
        }
        writer.write(" remaining=")
        let remaining = ScopeUsage.remaining(of: text.most, used: used, held: held)
        writeAmount(remaining, text.moneyUnit, to: &writer)
    }

    private static func writeAmount(_ amount: Int64, _ unit: MoneyUnit?, to writer: inout TextWriter) {
        if let unit { writer.writeMoney(amount, in: unit) } else { writer.writeDecimal(amount) }
    }

    private static func writeShadows(_ limits: [Answer.LimitReference], to buffer: inout ByteBuffer) {
        buffer.writeField("shadow") { buffer in
            for (index, limit) in limits.enumerated() {
                buffer.writeListItem(limit.plan.text + limit.text.name, isFirst: index == 0)
            }
        }
    }

    private static func writeWarnings(_ warnings: [Answer.Warning], to buffer: inout ByteBuffer) {
        buffer.writeField("warn") { buffer in
            for (index, warning) in warnings.enumerated() {
                let limit = warning.limit
                let threshold = limit.limitInForce.thresholdReached(by: warning.used) ?? 0
                buffer.writeListItem(
                    limit.plan.text + limit.text.name + Array(":\(threshold)".utf8), isFirst: index == 0)
            }
        }
    }
}

extension Answer.LimitReference {
    var limitInForce: EffectiveLimit { plan.set.limits[index] }
    var limit: Limit { limitInForce.limit }
    var text: LimitText { plan.set.texts[index] }
}
