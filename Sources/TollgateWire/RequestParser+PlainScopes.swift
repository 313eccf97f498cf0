import TollgateCore

extension RequestParser {
    /// Takes the words at hand that are `kind=id` with a plain id, as nearly all are: then a scope's text is what stands in the
    /// request, but for the sign between. Stops at the first word that is anything else or has a fault: the way for all words knows
    /// what.
    ///
    /// One pass over the words in one loop: it is what most instructions of a CHECK go into. Sums cannot overflow: a frame has a
    /// known length.
    static func takePlainScopes(_ cursor: inout WordCursor, into request: inout Request) {
        guard request.verb.namesScopes else { return }
        let origin = cursor.origin
        let before = request.scopes.count
        // Letters that kinds begin with; any, where there are scopes that were not taken here.
        var initials: UInt32 = before == 0 ? 0 : .max
        while cursor.moveToWord(), request.scopes.count < Request.maxScopes {
            let start = cursor.position
            guard let (sign, end) = cursor.peekPlainField(), end &- sign &- 1 <= ScopeID.longest else { break }
            let key = cursor.input.part(start..<sign)
            guard RequestKey.isKind(key) else { break }
            // Two of one kind begin with the same letter.
            let initial: UInt32 = 1 << UInt32(cursor.input[start] & 31)
            if initials & initial != 0, names(request.scopes, request.bytes, key) { break }
            initials |= initial
            request.scopes.append(
                Request.ScopeField(start: origin &+ start, sign: origin &+ sign, end: origin &+ end))
            cursor.moveTo(end)
        }
        for index in before..<request.scopes.count { request.bytes[request.scopes[index].sign] = UInt8(ascii: ":") }
    }

    /// Whether one of the scopes, whose texts are in `bytes`, is of a kind. Takes no request: all of it would be copied for that.
    @inline(__always)
    static func names(_ scopes: [Request.ScopeField], _ bytes: GrowingBytes, _ kind: UnsafeRawBufferPointer) -> Bool {
        bytes.withBytes { bytes in
            for scope in scopes where scope.sign &- scope.start == kind.count {
                if bytes.part(scope.kind).equals(kind) { return true }
            }
            return false
        }
    }
}
