package import TollgateCore

/// A line from the sidecar, as a client reads it.
package enum Reply: Equatable, Sendable {
    /// A decision: `ALLOW …` or `DENY …`.
    case decision(Decision)
    /// The fields of `OK`.
    case ok([Field])
    case pong
    /// A line that is a JSON object.
    case json(String)
    /// The JSON of `ALERT {…}`, which is not a reply to a request.
    case alert(String)
    /// An error: `ERR code sentence`.
    case error(code: String, sentence: String)

    /// A `key=value`, with the value unquoted.
    package struct Field: Equatable, Sendable {
        package var key: String
        package var value: String
    }
}

/// The error of a line that is not a reply. The other end of the connection is not Tollgate.
package struct ReplyError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
}

/// A parser of reply lines. Pure.
package enum ReplyParser {
    /// Parses a line without its terminator. Fields and reasons that this version does not know are ignored.
    package static func parse(_ line: UnsafeRawBufferPointer) throws(ReplyError) -> Reply {
        guard TextFault(in: line) == nil else { throw notAReply(line) }
        if line.first == UInt8(ascii: "{") { return .json(String(decoding: line, as: UTF8.self)) }
        var cursor = WordCursor(line: line)
        guard cursor.moveToWord() else { throw notAReply(line) }
        let word = cursor.takeWord()
        if word.equals("ALLOW") { return .decision(decision(allowed: true, try fields(&cursor))) }
        if word.equals("DENY") { return .decision(decision(allowed: false, try fields(&cursor))) }
        if word.equals("OK") { return .ok(try fields(&cursor)) }
        if word.equals("PONG") { return .pong }
        if word.equals("ALERT"), cursor.moveToWord() { return .alert(String(decoding: rest(cursor), as: UTF8.self)) }
        if word.equals("ERR"), cursor.moveToWord() { return error(&cursor) }
        throw notAReply(line)
    }

    /// Parses a line that was read as text; nil if it is not a reply.
    package static func reply(in line: String) -> Reply? {
        Array(line.utf8).withUnsafeBytes { try? parse($0) }
    }

    private static func notAReply(_ line: UnsafeRawBufferPointer) -> ReplyError {
        let isHTTP = line.count > 5 && line.part(0..<5).equals("HTTP/")
        let hint =
            isHTTP
            ? ". Is this the port of the admin API? Requests go to --listen of tollgate serve, 127.0.0.1:7379 by default"
            : ""
        return ReplyError(description: "not a reply: \(WireText.quoted(line))\(hint)")
    }

    private static func error(_ cursor: inout WordCursor) -> Reply {
        let code = String(decoding: cursor.takeWord(), as: UTF8.self)
        _ = cursor.moveToWord()
        return .error(code: code, sentence: String(decoding: rest(cursor), as: UTF8.self))
    }

    /// The bytes from the current word to the end of the line.
    private static func rest(_ cursor: WordCursor) -> UnsafeRawBufferPointer {
        cursor.input.part(cursor.position..<cursor.input.count)
    }

    private static func fields(_ cursor: inout WordCursor) throws(ReplyError) -> [Reply.Field] {
        var fields: [Reply.Field] = []
        var bytes = GrowingBytes(room: 64)
        while cursor.moveToWord() {
            guard let key = cursor.takeKey()?.text else { throw notAReply(cursor.input) }
            bytes.removeAll()
            do throws(JSONStringFault) {
                try cursor.takeValue(into: &bytes)
            } catch {
                throw notAReply(cursor.input)
            }
            let value = bytes.withBytes { String(decoding: $0, as: UTF8.self) }
            fields.append(Reply.Field(key: String(decoding: key, as: UTF8.self), value: value))
        }
        return fields
    }

    private static func decision(allowed: Bool, _ fields: [Reply.Field]) -> Decision {
        var decision = Decision(allowed: allowed)
        for field in fields {
            switch field.key {
            case "reason": decision.reason = DenialReason(rawValue: field.value)
            case "limit": decision.limit = field.value
            case "max": decision.max = Quantity(field.value)
            case "used": decision.used = Quantity(field.value)
            case "held": decision.held = Quantity(field.value)
            case "remaining": decision.remaining = Quantity(field.value)
            case "reset": decision.resetAfter = Double(field.value)
            case "retry_after": decision.retryAfter = Double(field.value)
            case "source": decision.source = field.value
            case "degraded": decision.isDegraded = field.value == "1"
            case "shadow": decision.shadow = items(of: field.value)
            case "warn": decision.warnings = warnings(in: field.value)
            case "cost": decision.cost = Quantity(field.value)
            case "price": decision.hasUnknownPrice = field.value == "unknown"
            case "reservation": decision.reservation = field.value
            default: break
            }
        }
        return decision
    }

    /// The warnings of a `warn=`. Items that this version cannot parse are ignored.
    package static func warnings(in list: String) -> [LimitWarning] {
        items(of: list).compactMap { LimitWarning(parsing: $0) }
    }

    /// Splits a list at its commas. A double comma is a comma within an item.
    private static func items(of list: String) -> [String] {
        var items = [String.UnicodeScalarView()]
        var scalars = list.unicodeScalars.makeIterator()
        var next = scalars.next()
        while let scalar = next {
            next = scalars.next()
            if scalar != "," {
                items[items.count - 1].append(scalar)
            } else if next == "," {
                items[items.count - 1].append(",")
                next = scalars.next()
            } else {
                items.append(String.UnicodeScalarView())
            }
        }
        return items.map { String($0) }.filter { !$0.isEmpty }
    }
}
