import TollgateCore

/// Scopes as words of a request: `kind=id`, and `kind:id` as in the text of a scope.
extension RequestParser {
    /// Parses the id of a `kind=id`, which is taken as it is.
    static func takeScope(
        _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request
    ) throws(RequestError) {
        guard !names(request.scopes, request.bytes, key) else { throw namedTwice(key) }
        guard request.scopes.count < Request.maxScopes else {
            throw .badRequest(key, "more than \(Request.maxScopes) scopes")
        }
        let start = request.bytes.count
        request.bytes.append(key)
        request.bytes.append(UInt8(ascii: ":"))
        var id = try takeText(key, maxLength: ScopeID.maxLength, &cursor, &request)
        doublePlusSigns(in: &id, of: &request.bytes)
        request.scopes.append(Request.ScopeField(start: start, sign: start + key.count, end: id.upperBound))
    }

    /// Doubles each `+` of the last text, in place from the back.
    private static func doublePlusSigns(in range: inout Range<Int>, of bytes: inout GrowingBytes) {
        var added = 0
        for index in range where bytes[index] == UInt8(ascii: "+") { added += 1 }
        guard added > 0 else { return }
        var source = range.upperBound - 1
        range = range.lowerBound..<range.upperBound + added
        for _ in 0..<added { bytes.append(UInt8(0)) }
        var target = range.upperBound - 1
        while target > source {
            bytes[target] = bytes[source]
            target -= 1
            if bytes[source] == UInt8(ascii: "+") {
                bytes[target] = UInt8(ascii: "+")
                target -= 1
            }
            source -= 1
        }
    }

    /// Parses the text of a `scope=`.
    static func takeScopeText(
        _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request
    ) throws(RequestError) -> Range<Int> {
        let range = try takeText(key, maxLength: maxScopeLength, &cursor, &request)
        do throws(ScopeError) {
            _ = try Scope(parsing: request.text(range))
        } catch {
            throw .badRequest(key, WireText.sanitised(error.description))
        }
        return range
    }

    /// Parses the rest of a `kind:id`, by the rules of the text of a scope: `+` joins scopes, and a plus sign within an
    /// id is doubled.
    static func takeJoinedScopes(
        _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request
    ) throws(RequestError) {
        let range = try takeText(key, maxLength: maxScopeLength, &cursor, &request)
        let text = request.text(range)
        request.bytes.removeAll(behind: range.lowerBound)
        let parts: [Scope.Part]
        do throws(ScopeError) {
            parts = try Scope.parts(of: "\(WireText.quoted(key)):\(text)")
        } catch {
            throw plusSign(key, text)
        }
        for part in parts { try append(part, named: key, text, to: &request) }
    }

    private static func append(
        _ part: Scope.Part, named key: UnsafeRawBufferPointer, _ text: String, to request: inout Request
    ) throws(RequestError) {
        guard ScopeKind.isWellFormed(part.kind.utf8) else { throw plusSign(key, text) }
        do throws(ScopeError) {
            try ScopeID.validate(part.id, kind: part.kind)
        } catch {
            throw RequestError(.badRequest, error.description)
        }
        let fault: RequestError? = Array(part.kind.utf8).withUnsafeBytes { kind in
            guard RequestKey(kind) == .kind else {
                return Array(part.id.utf8).withUnsafeBytes { isAnArgument(kind, value: $0) }
            }
            if names(request.scopes, request.bytes, kind) { return namedTwice(kind) }
            guard request.scopes.count < Request.maxScopes else {
                return .badRequest(kind, "more than \(Request.maxScopes) scopes")
            }
            return nil
        }
        if let fault { throw fault }
        let start = request.bytes.count
        request.bytes.append(Array(Scope.text(of: part).utf8))
        let sign = start + part.kind.utf8.count
        request.scopes.append(Request.ScopeField(start: start, sign: sign, end: request.bytes.count))
    }

    /// The error of a plus sign within a `kind:id` after which no `kind:id` follows.
    private static func plusSign(_ key: UnsafeRawBufferPointer, _ text: String) -> RequestError {
        let word = Array(text.utf8).withUnsafeBytes { WireText.quoted($0) }
        return .badRequest(
            key, "\(Scope.plusRule) \(WireText.quoted(key))=\(word)")
    }

    /// Takes the word `global` of a USAGE.
    static func takeGlobal(into request: inout Request) throws(RequestError) {
        guard request.scope == nil else { throw .badRequest("scope", "duplicate argument") }
        let start = request.bytes.count
        request.bytes.append(Array(ScopeKind.global.description.utf8))
        request.scope = start..<request.bytes.count
    }

    /// Joins the scopes that a USAGE names word by word into the text of one scope.
    static func joinScopes(of request: inout Request) throws(RequestError) {
        guard let first = request.scopes.first else {
            guard request.scope != nil else {
                throw .badRequest("USAGE", "names no scope; expected one such as user:alice")
            }
            return
        }
        guard request.scope == nil else {
            let kind = request.text(first.kind)
            throw .badRequest("scope", "is given twice, as scope= and as \(kind)=; expected one of them")
        }
        let texts = request.scopes.map { request.text($0.text) }
        let start = request.bytes.count
        request.bytes.append(Array(texts.joined(separator: "+").utf8))
        request.scope = start..<request.bytes.count
        request.scopes.clear()
    }
}
