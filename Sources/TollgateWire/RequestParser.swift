import TollgateCore

/// A parser of requests. Pure. Its errors are `RequestError`s, after which the connection can still be used.
package enum RequestParser {
    /// Parses a line without its terminator. False for a blank line, which is not a request.
    ///
    /// After an error, `request` is undefined.
    package static func parse(
        line: UnsafeRawBufferPointer, into request: inout Request
    ) throws(RequestError) -> Bool {
        request.reset()
        var cursor = WordCursor(line: line)
        guard cursor.moveToWord() else { return false }
        let word = cursor.takeWord()
        guard let verb = Verb(word), !verb.isOnlyForRESP else { throw unknownVerb(word) }
        request.verb = verb
        if verb.takesFields { request.bytes.append(line) }
        takePlainScopes(&cursor, into: &request)
        while cursor.moveToWord() {
            try takeArgument(&cursor, into: &request)
            takePlainScopes(&cursor, into: &request)
        }
        try checkWhole(&request)
        return true
    }

    /// Parses the words of a RESP frame, which are ranges of `frame`. False if there are none.
    ///
    /// After an error, `request` is undefined.
    package static func parse(
        words: [Range<Int>], of frame: UnsafeRawBufferPointer, into request: inout Request
    ) throws(RequestError) -> Bool {
        request.reset()
        guard let first = words.first else { return false }
        let word = frame.part(first)
        guard let verb = Verb(word) else { throw unknownVerb(word) }
        request.verb = verb
        if verb.takesFields, let last = words.last { request.bytes.append(frame.part(0..<last.upperBound)) }
        for index in 1..<max(1, words.count) {
            var cursor = WordCursor(word: frame.part(words[index]), origin: words[index].lowerBound)
            takePlainScopes(&cursor, into: &request)
            // A word is taken completely, or not at all.
            if cursor.position == 0 { try takeArgument(&cursor, into: &request) }
        }
        try checkWhole(&request)
        return true
    }

    private static func unknownVerb(_ word: UnsafeRawBufferPointer) -> RequestError {
        let quoted = WireText.quoted(word)
        // A long word is no typo of a verb.
        guard word.count <= 16, let nearest = nearestWord(to: quoted.uppercased(), among: Verb.names) else {
            return RequestError(.unknownVerb, quoted)
        }
        return RequestError(.unknownVerb, "\(quoted); did you mean \(nearest)?")
    }

    private static func takeArgument(_ cursor: inout WordCursor, into request: inout Request) throws(RequestError) {
        switch request.verb {
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel, .usage:
            try takeField(&cursor, into: &request)
        case .alerts:
            try takeAlertCursor(&cursor, into: &request)
        case .info:
            // Redis's sections. The report always has all of them.
            _ = cursor.takeWord()
        case .help, .status:
            throw .badRequest(request.verb.name, "takes no argument")
        case .ping where cursor.spacesSeparate:
            throw .badRequest(request.verb.name, "takes no argument")
        case .auth:
            try takeTokenWord(&cursor, into: &request)
        case .ping, .echo, .quit, .hello, .client, .command, .select, .multi, .exec, .discard:
            let start = request.bytes.count
            request.bytes.append(cursor.takeWord())
            request.arguments.append(start..<request.bytes.count)
        }
    }

    /// Parses a word of `AUTH token`, or of `AUTH user token` as Redis clients send it. The last word is the token.
    private static func takeTokenWord(_ cursor: inout WordCursor, into request: inout Request) throws(RequestError) {
        guard request.arguments.count < 2 else { throw .badRequest("AUTH", "expected a token alone") }
        let start = request.bytes.count
        do throws(JSONStringFault) {
            try cursor.takeValue(into: &request.bytes)
        } catch {
            throw .badRequest("AUTH", error.explanation)
        }
        let range = start..<request.bytes.count
        if let fault = request.withBytes(of: range, TextFault.init) { throw .badRequest("AUTH", fault.explanation) }
        request.arguments.append(range)
        request.token = range
    }

    /// Checks the complete request. `inout` avoids a copy; nothing is changed.
    private static func checkWhole(_ request: inout Request) throws(RequestError) {
        switch request.verb {
        case .record, .refund:
            guard request.amounts.namesAny else {
                throw .badRequest(
                    request.verb.name,
                    "names no amount; expected tokens=, input_tokens=, output_tokens=, cost= or requests=")
            }
        case .commit, .cancel:
            guard request.reservation != nil else { throw .badRequest("reservation", "is missing") }
        case .usage:
            try joinScopes(of: &request)
        case .auth:
            guard let token = request.token, !token.isEmpty else { throw .badRequest("AUTH", "expected a token") }
        case .echo:
            guard request.arguments.count == 1 else { throw .badRequest("ECHO", "expected one message") }
        case .ping:
            guard request.arguments.count <= 1 else { throw .badRequest("PING", "expected at most one message") }
        case .select:
            guard request.arguments.count == 1, request.withBytes(of: request.arguments[0], { $0.equals("0") }) else {
                throw .badRequest("SELECT", "there is only database 0")
            }
        case .check, .peek, .reserve, .help, .info, .status, .quit, .hello, .client, .command, .alerts, .multi, .exec,
            .discard:
            break
        }
    }
}

// MARK: - Plain scopes

extension RequestParser {
    /// Parses the next words that are `kind=id` or `kind:id` with a plain id, as nearly all words are. The text of such a
    /// scope is the word, with `:` as the separator. Stops at the first other or invalid word, which `takeArgument` handles.
    ///
    /// One loop over the words, as most instructions of a CHECK are spent here. Sums cannot overflow: a frame has a
    /// maximum length.
    static func takePlainScopes(_ cursor: inout WordCursor, into request: inout Request) {
        guard request.verb.namesScopes else { return }
        let origin = cursor.origin
        let before = request.scopes.count
        // The initials of the kinds so far; all letters if there are scopes that were not taken here.
        var initials: UInt32 = before == 0 ? 0 : .max
        while cursor.moveToWord(), request.scopes.count < Request.maxScopes {
            let start = cursor.position
            guard let (sign, end) = cursor.peekPlainField(), end &- sign &- 1 <= ScopeID.maxLength else { break }
            let key = cursor.input.part(start..<sign)
            guard RequestKey.isKind(key) else { break }
            // Two scopes of a kind have the same initial.
            let initial: UInt32 = 1 << UInt32(cursor.input[start] & 31)
            if initials & initial != 0, names(request.scopes, request.bytes, key) { break }
            initials |= initial
            request.scopes.append(
                Request.ScopeField(start: origin &+ start, sign: origin &+ sign, end: origin &+ end))
            cursor.moveTo(end)
        }
        for index in before..<request.scopes.count { request.bytes[request.scopes[index].sign] = UInt8(ascii: ":") }
    }

    /// Whether one of the scopes, whose texts are in `bytes`, has a kind. Its parameter is not the request, which would
    /// be copied.
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
