package import NIOCore
package import TollgateCore

/// A writer of request lines. It quotes values where needed, and does not check them.
package enum RequestWriter {
    /// Writes `VERB kind=id … requests=… id=… at=… ttl=… on_expiry=… roles=… email=…`, for the verbs that name scopes and
    /// amounts.
    package static func write(
        _ verb: Verb, scopes: [Scope.Part], amounts: Amounts, id: String? = nil, usedAt: String? = nil,
        timeToLive: Int64? = nil, onExpiry: ExpiryRule? = nil,
        roles: [String] = [], email: String? = nil, to out: inout ByteBuffer
    ) {
        out.writeString(verb.name)
        for scope in scopes {
            out.writeString(" \(scope.kind)=")
            out.writeValue { $0.writeString(scope.id) }
        }
        write(amounts, to: &out)
        if let id { out.writeField("id") { $0.writeString(id) } }
        if let usedAt { out.writeField("at") { $0.writeString(usedAt) } }
        if let timeToLive { out.writeString(" ttl=\(timeToLive)") }
        if let onExpiry { out.writeString(" on_expiry=\(onExpiry.rawValue)") }
        writeIdentity(roles, email, to: &out)
        endLine(&out)
    }

    /// Writes `COMMIT reservation=… model=… provider=… cost=…` or `CANCEL reservation=…`.
    package static func write(
        _ verb: Verb, reservation: String, amounts: Amounts = Amounts(), model: String? = nil, provider: String? = nil,
        to out: inout ByteBuffer
    ) {
        out.writeString(verb.name)
        out.writeField("reservation") { $0.writeString(reservation) }
        if let model { out.writeField("model") { $0.writeString(model) } }
        if let provider { out.writeField("provider") { $0.writeString(provider) } }
        write(amounts, to: &out)
        endLine(&out)
    }

    private static func write(_ amounts: Amounts, to out: inout ByteBuffer) {
        for meter in Meter.allCases {
            guard let amount = amounts[meter] else { continue }
            out.writeString(" \(meter.name)=")
            if meter == .cost { out.writeMoney(amount, in: amounts.unit) } else { out.writeDecimal(amount) }
        }
        for item in BilledItem.allCases {
            let amount = amounts[item]
            guard amount != 0 else { continue }
            out.writeString(" \(item.rawValue)=")
            if item == .seconds {
                out.writeString(Money(nanos: Int128(amount) * 1_000_000).description)
            } else {
                out.writeDecimal(amount)
            }
        }
    }

    /// Writes `USAGE scope=…`.
    package static func writeUsage(
        of scope: Scope, roles: [String] = [], email: String? = nil, to out: inout ByteBuffer
    ) {
        out.writeString(Verb.usage.name)
        out.writeField("scope") { $0.writeString(scope.description) }
        writeIdentity(roles, email, to: &out)
        endLine(&out)
    }

    /// Writes `ALERTS`, or `ALERTS after=…`.
    package static func writeAlerts(after cursor: String?, to out: inout ByteBuffer) {
        out.writeString(Verb.alerts.name)
        if let cursor { out.writeField("after") { $0.writeString(cursor) } }
        endLine(&out)
    }

    /// Writes `AUTH token`.
    package static func writeAuth(_ token: String, to out: inout ByteBuffer) {
        out.writeString("\(Verb.auth.name) ")
        out.writeValue { $0.writeString(token) }
        endLine(&out)
    }

    /// Writes a verb without arguments.
    package static func write(_ verb: Verb, to out: inout ByteBuffer) {
        out.writeString(verb.name)
        endLine(&out)
    }

    private static func writeIdentity(_ roles: [String], _ email: String?, to out: inout ByteBuffer) {
        if !roles.isEmpty { out.writeField("roles") { $0.writeString(roles.joined(separator: ",")) } }
        if let email { out.writeField("email") { $0.writeString(email) } }
    }

    private static func endLine(_ out: inout ByteBuffer) {
        out.writeInteger(UInt8(ascii: "\n"))
    }
}
