import TollgateCore

/// Turns the words of a request into a `Request`. Pure; everything it says about bad input is a `RequestError` that leaves
/// the connection usable.
package enum RequestParser {
    /// Reads a line without its terminator. False for a line of nothing but spaces, which is no request.
    ///
    /// After an error the content of `request` means nothing.
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

    /// Reads the words of a RESP frame, which are ranges of `frame`. False when there are none.
    ///
    /// After an error the content of `request` means nothing.
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
            // Of one word all is taken, or nothing.
            if cursor.position == 0 { try takeArgument(&cursor, into: &request) }
        }
        try checkWhole(&request)
        return true
    }

    private static func unknownVerb(_ word: UnsafeRawBufferPointer) -> RequestError {
        RequestError(.unknownVerb, WireText.quoted(word))
    }

    private static func takeArgument(_ cursor: inout WordCursor, into request: inout Request) throws(RequestError) {
        switch request.verb {
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel, .usage:
            try takeField(&cursor, into: &request)
        case .alerts:
            try takeAlertCursor(&cursor, into: &request)
        case .help, .info:
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

    /// `AUTH token`, or `AUTH user token` as Redis clients send it; the last word is the token.
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

    /// What only the whole request shows. Changes nothing: all of the request would be copied for a parameter that is not `inout`.
    private static func checkWhole(_ request: inout Request) throws(RequestError) {
        switch request.verb {
        case .record, .refund:
            guard request.amounts.namesAny else { throw .badRequest(request.verb.name, "names no amount") }
        case .commit, .cancel:
            guard request.reservation != nil else { throw .badRequest("reservation", "is missing") }
        case .usage:
            guard request.scope != nil else { throw .badRequest("scope", "is missing") }
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
        case .check, .peek, .reserve, .help, .info, .quit, .hello, .client, .command, .alerts, .multi, .exec, .discard:
            break
        }
    }
}
