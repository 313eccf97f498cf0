import TollgateCore

extension RequestParser {
    /// The maximum length of `id=`, in bytes.
    static let maxRequestIDLength = 128
    /// The maximum length of `reservation=`, in bytes. A reservation of 16 scopes with the longest kinds and ids has
    /// two thirds of it.
    static let maxReservationLength = 16_384
    /// The maximum `ttl=`, in seconds.
    package static let maxTimeToLive: Int64 = 86_400
    /// The maximum length of `roles=`, in bytes.
    static let maxRolesLength = 1_024
    /// The maximum length of `scope=`, in bytes. It has room for as many parts as a request has scopes.
    static let maxScopeLength = 8_192

    /// Parses a `key=value` argument.
    static func takeField(_ cursor: inout WordCursor, into request: inout Request) throws(RequestError) {
        guard let word = cursor.takeKey(endsAtColon: true) else {
            let word = cursor.takeWord()
            if request.verb == .usage, word.equals("global") { return try takeGlobal(into: &request) }
            let takesReservation = RequestKey.reservation.isArgument(of: request.verb)
            throw .badRequest(word, takesReservation ? "expected reservation=TOKEN" : "expected key=value")
        }
        let key = word.text
        guard word.isWellFormed else {
            throw .badRequest(key, "a key is a lower-case letter, then up to 31 of a-z 0-9 _")
        }
        let meaning = RequestKey(key)
        guard meaning.isArgument(of: request.verb) || namesPrice(key, request.verb) else {
            throw notAnArgument(key, of: request.verb)
        }
        if word.separator == UInt8(ascii: ":") {
            guard meaning == .kind else { throw isAnArgument(key, value: cursor.word) }
            return try takeJoinedScopes(key, &cursor, &request)
        }
        switch meaning {
        case .amount(let meter): try takeAmount(meter, key, &cursor, &request)
        case .billed(let item): try takeBilled(item, key, &cursor, &request)
        case .kind: try takeScope(key, &cursor, &request)
        case .id:
            guard request.id == nil else { throw namedTwice(key) }
            request.id = try takeText(key, maxLength: maxRequestIDLength, &cursor, &request)
        case .usedAt:
            guard request.usedAt == nil else { throw namedTwice(key) }
            request.usedAt = try takeTime(key, &cursor, &request)
        case .timeToLive:
            guard request.timeToLive == nil else { throw namedTwice(key) }
            request.timeToLive = try takeTimeToLive(key, &cursor, &request)
        case .onExpiry:
            guard request.onExpiry == nil else { throw namedTwice(key) }
            request.onExpiry = try takeExpiryRule(key, &cursor, &request)
        case .reservation:
            guard request.reservation == nil else { throw namedTwice(key) }
            request.reservation = try takeText(key, maxLength: maxReservationLength, &cursor, &request)
        case .email:
            guard request.email == nil else { throw namedTwice(key) }
            request.email = try takeText(key, maxLength: ScopeID.maxLength, &cursor, &request)
        case .roles:
            guard request.roles == nil else { throw namedTwice(key) }
            request.roles = try takeRoles(key, &cursor, &request)
        case .scope:
            guard request.scope == nil else { throw namedTwice(key) }
            request.scope = try takeScopeText(key, &cursor, &request)
        case .reserved: break
        }
    }

    /// Parses the `after=1795219201123-0` of an ALERTS. For any other verb `after` is a kind.
    static func takeAlertCursor(_ cursor: inout WordCursor, into request: inout Request) throws(RequestError) {
        guard let key = cursor.takeKey()?.text else { throw .badRequest(cursor.takeWord(), "expected after=CURSOR") }
        guard key.equals("after") else { throw .badRequest(key, "not an argument of ALERTS") }
        guard request.after == nil else { throw namedTwice(key) }
        let range = try takeText(key, maxLength: AlertCursor.maxLength, &cursor, &request)
        guard let cursor = request.withBytes(of: range, { AlertCursor(parsing: $0) }) else {
            throw .badRequest(key, "expected the cursor of an alert, such as 1795219201123-0")
        }
        request.after = cursor
    }

    private static func notAnArgument(_ key: UnsafeRawBufferPointer, of verb: Verb) -> RequestError {
        // The name of an earlier version.
        if key.equals("hits") { return .badRequest(key, "is written requests=") }
        let name = String(decoding: key, as: UTF8.self)
        let nearest = nearestWord(to: name, among: verb.argumentNames)
        return .badRequest(key, "not an argument of \(verb.name)\(nearest.map { "; did you mean \($0)?" } ?? "")")
    }

    /// The error of an argument that is written like a scope, such as `cost:3`.
    static func isAnArgument(_ key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) -> RequestError {
        .badRequest(key, "is an argument; write \(WireText.quoted(key))=\(WireText.quoted(value))")
    }

    static func namedTwice(_ key: UnsafeRawBufferPointer) -> RequestError {
        .badRequest(key, "duplicate argument")
    }

    /// Appends a value to the request's bytes and checks that it is text of 1 … `maxLength` bytes.
    static func takeText(
        _ key: UnsafeRawBufferPointer, maxLength: Int, _ cursor: inout WordCursor, _ request: inout Request
    ) throws(RequestError) -> Range<Int> {
        let start = request.bytes.count
        do throws(JSONStringFault) {
            try cursor.takeValue(into: &request.bytes)
        } catch {
            throw .badRequest(key, error.explanation)
        }
        let range = start..<request.bytes.count
        guard !range.isEmpty else { throw .badRequest(key, "empty value") }
        guard range.count <= maxLength else { throw .badRequest(key, "longer than \(maxLength) bytes") }
        if let fault = request.withBytes(of: range, TextFault.init) { throw .badRequest(key, fault.explanation) }
        return range
    }

    /// Parses a time and returns it as Unix ms: `2026-11-20T18:20:01Z`, with or without milliseconds, or Unix seconds.
    private static func takeTime(
        _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request
    ) throws(RequestError) -> Int64 {
        let range = try takeText(key, maxLength: 24, &cursor, &request)
        let text = request.text(range)
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        let areDigits = parts.allSatisfy { $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }
        if areDigits, parts.count <= 2, (1...11).contains(parts[0].utf8.count), parts.count == 1 || !parts[1].isEmpty {
            let fraction = parts.count == 2 ? parts[1].prefix(3) : ""
            let padded = fraction + String(repeating: "0", count: 3 - fraction.count)
            if let time = Int64(parts[0] + padded) { return time }
        } else if let time = UTCTime.milliseconds(parsing: text) {
            return time
        }
        throw .badRequest(key, "expected a time such as 2026-11-20T18:20:01Z, or Unix seconds")
    }

    private static func takeExpiryRule(
        _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request
    ) throws(RequestError) -> ExpiryRule {
        let range = try takeText(key, maxLength: 16, &cursor, &request)
        guard let rule = ExpiryRule(rawValue: request.text(range)) else {
            throw .badRequest(key, "expected \(ExpiryRule.allCases.map(\.rawValue).joined(separator: " or "))")
        }
        return rule
    }

    private static func takeRoles(
        _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request
    ) throws(RequestError) -> Range<Int> {
        let range = try takeText(key, maxLength: maxRolesLength, &cursor, &request)
        var previous = UInt8(ascii: ",")
        for index in range {
            let byte = request.bytes[index]
            guard byte != UInt8(ascii: ",") || previous != UInt8(ascii: ",") else {
                throw .badRequest(key, "empty role")
            }
            previous = byte
        }
        guard previous != UInt8(ascii: ",") else { throw .badRequest(key, "empty role") }
        return range
    }
}

// MARK: - Amounts

extension RequestParser {
    static func takeAmount(
        _ meter: Meter, _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request
    ) throws(RequestError) {
        guard request.amounts[meter] == nil else { throw .badRequest(key, "duplicate argument") }
        let unit = request.moneyUnit
        if meter == .cost { request.amounts.unit = unit }
        request.amounts[meter] = try takeNumber(key, &cursor, &request) { amount($0, of: meter, in: unit) }
    }

    /// Whether the key of a COMMIT names the price of the call: the model and the provider that were called, which may
    /// be others than those of the reservation.
    private static func namesPrice(_ key: UnsafeRawBufferPointer, _ verb: Verb) -> Bool {
        verb == .commit && (key.equals("model") || key.equals("provider"))
    }

    private static func takeBilled(
        _ item: BilledItem, _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request
    ) throws(RequestError) {
        guard request.billed.insert(item) else { throw namedTwice(key) }
        request.amounts[item] = try takeNumber(key, &cursor, &request) { text in
            item == .seconds ? milliseconds(text) : wholeNumber(text, max: item.maxAmount)
        }
    }

    /// Parses seconds with at most three fraction digits as milliseconds.
    private static func milliseconds(_ text: UnsafeRawBufferPointer) -> Result<Int64, AmountFault> {
        let max = BilledItem.seconds.maxAmount / 1_000
        guard let amount = try? Money(parsing: String(decoding: text, as: UTF8.self)), amount.nanos >= 0,
            amount.nanos.isMultiple(of: 1_000_000), amount.nanos <= Int128(max) * 1_000_000_000
        else {
            return .failure(
                AmountFault(explanation: "expected seconds from 0 to \(max), with at most 3 fraction digits"))
        }
        return .success(Int64(amount.nanos / 1_000_000))
    }

    /// Parses whole seconds, 1 … `maxTimeToLive`.
    static func takeTimeToLive(
        _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request
    ) throws(RequestError) -> Int64 {
        let expected = "expected 1 to \(maxTimeToLive) seconds, without a unit"
        let seconds = try takeNumber(key, &cursor, &request) { text in
            wholeNumber(text, max: maxTimeToLive).mapError { _ in AmountFault(explanation: expected) }
        }
        guard seconds >= 1 else { throw .badRequest(key, expected) }
        return seconds
    }

    private static func takeNumber(
        _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request,
        _ read: (UnsafeRawBufferPointer) -> Result<Int64, AmountFault>
    ) throws(RequestError) -> Int64 {
        let start = request.bytes.count
        do throws(JSONStringFault) {
            try cursor.takeValue(into: &request.bytes)
        } catch {
            throw .badRequest(key, error.explanation)
        }
        let range = start..<request.bytes.count
        guard !range.isEmpty else { throw .badRequest(key, "empty value") }
        defer { request.bytes.removeAll(behind: start) }
        switch request.withBytes(of: range, read) {
        case .success(let number): return number
        case .failure(let fault): throw .badRequest(key, fault.explanation)
        }
    }

    private struct AmountFault: Error {
        var explanation: String
    }

    private static func amount(
        _ text: UnsafeRawBufferPointer, of meter: Meter, in unit: MoneyUnit
    ) -> Result<Int64, AmountFault> {
        guard meter == .cost else { return wholeNumber(text, max: meter.maxAmount) }
        do throws(MoneyError) {
            return .success(try unit.amount(parsing: text))
        } catch {
            return .failure(AmountFault(explanation: error.explanation))
        }
    }

    /// Parses digits: no sign, no exponent, no separator. Any number of leading zeros.
    private static func wholeNumber(_ text: UnsafeRawBufferPointer, max: Int64) -> Result<Int64, AmountFault> {
        var value: Int64 = 0
        for byte in text {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else {
                return .failure(AmountFault(explanation: "expected a whole number"))
            }
            // Stops once the value is too large, so that no number of digits can overflow.
            if value <= max { value = value * 10 + Int64(byte - UInt8(ascii: "0")) }
        }
        guard value <= max else { return .failure(AmountFault(explanation: "more than \(max)")) }
        return .success(value)
    }
}

extension Amounts {
    /// Whether the request names an amount of any meter.
    var namesAny: Bool {
        requests != nil || allTokens != nil || cost != nil || images | milliseconds != 0
    }
}
