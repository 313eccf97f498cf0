package import TollgateCore

/// A parsed request. A connection has one, which is filled again for each request, so parsing does not allocate once
/// its arrays have grown. Owned by the session's event loop.
///
/// Texts are ranges of `bytes`: UTF-8 without control characters, except for `arguments`.
@usableFromInline
package struct Request: Sendable {
    /// The maximum number of scopes in a request.
    package static let maxScopes = 16

    /// A `kind=id` of a request, stored as the text of a scope with one part: `user:alice`.
    @usableFromInline
    package struct ScopeField: Sendable {
        /// The indices of the start of the kind, of the separator after it, and of the end of the id.
        @usableFromInline let start: Int
        @usableFromInline let sign: Int
        @usableFromInline let end: Int

        init(start: Int, sign: Int, end: Int) {
            self.start = start
            self.sign = sign
            self.end = end
        }

        /// The range of the kind.
        package var kind: Range<Int> { start..<sign }
        /// The range of the id. Plus signs are doubled, as in the text of a scope.
        package var id: Range<Int> { sign + 1..<end }
        /// The range of the scope's `description`.
        @inlinable
        package var text: Range<Int> { start..<end }
    }

    /// Scopes from elsewhere, such as a reservation, in the form of the scopes of a request.
    package struct ScopeTexts {
        package private(set) var fields: [ScopeField] = []
        package private(set) var bytes = GrowingBytes(room: 64)

        /// Creates scopes from texts such as `user:alice`; nil if one is not a scope of a single kind.
        package init?(_ texts: [String]) {
            for text in texts {
                let start = bytes.count
                bytes.append(Array(text.utf8))
                guard (try? Scope(parsing: text))?.parts.count == 1,
                    let colon = bytes[start..<bytes.count].firstIndex(of: UInt8(ascii: ":"))
                else { return nil }
                fields.append(ScopeField(start: start, sign: colon, end: bytes.count))
            }
        }
    }

    /// The unit of amounts of `cost`.
    let moneyUnit: MoneyUnit
    package internal(set) var verb = Verb.ping
    /// The amounts in the request.
    package internal(set) var amounts = Amounts()
    /// The amounts in the request that have a price and no limit of their own.
    var billed = BilledItems()
    /// The scopes in the order of the request, at most one of each kind. An account that it does not name may follow.
    package internal(set) var scopes: [ScopeField] = []
    /// The bytes of the request, with `:` for the `=` of plain scopes; then the unescaped texts of all other fields.
    package internal(set) var bytes = GrowingBytes(room: 512)
    /// `id=` of a RECORD or REFUND, 1 … 128 bytes.
    package internal(set) var id: Range<Int>?
    /// `at=` of a RECORD or REFUND, Unix ms.
    package internal(set) var usedAt: Int64?
    /// `ttl=` of a RESERVE in seconds, 1 … 86 400.
    package internal(set) var timeToLive: Int64?
    /// `on_expiry=` of a RESERVE.
    package internal(set) var onExpiry: ExpiryRule?
    /// `reservation=` of a COMMIT or CANCEL, 1 … 16 384 bytes.
    package internal(set) var reservation: Range<Int>?
    /// `email=`, 1 … 256 bytes.
    package internal(set) var email: Range<Int>?
    /// `roles=`, 1 … 1024 bytes: names with commas between, none of them empty.
    package internal(set) var roles: Range<Int>?
    /// The scope of a USAGE, from `scope=` or from `kind=id` words: text that `Scope(parsing:)` parses.
    package internal(set) var scope: Range<Int>?
    /// The token of an AUTH.
    package internal(set) var token: Range<Int>?
    /// `after=` of an ALERTS.
    package internal(set) var after: AlertCursor?
    /// The words after PING, ECHO, QUIT, HELLO, CLIENT, COMMAND or SELECT; any bytes.
    package internal(set) var arguments: [Range<Int>] = []

    package init(moneyUnit: MoneyUnit = .nano) {
        self.moneyUnit = moneyUnit
        scopes.reserveCapacity(Self.maxScopes)
    }

    /// Removes the request and keeps the memory.
    package mutating func reset() {
        verb = .ping
        amounts = Amounts(nothingIn: .nano)
        billed = BilledItems()
        scopes.clear()
        bytes.removeAll()
        id = nil
        usedAt = nil
        timeToLive = nil
        onExpiry = nil
        reservation = nil
        email = nil
        roles = nil
        scope = nil
        token = nil
        after = nil
        arguments.clear()
    }

    /// Adds a scope of a single kind, which the request does not name, after those that it does.
    ///
    /// - Parameter text: The scope's `description`.
    /// - Returns: False if the request has ``maxScopes`` already.
    mutating func addScope(_ text: [UInt8]) -> Bool {
        guard scopes.count < Self.maxScopes, let sign = text.firstIndex(of: UInt8(ascii: ":")) else { return false }
        let start = bytes.count
        bytes.append(text)
        scopes.append(ScopeField(start: start, sign: start + sign, end: bytes.count))
        return true
    }

    /// Folds the ids of these kinds to lower case (A–Z only), in place.
    mutating func foldCase(of kinds: Set<String>) {
        for scope in scopes where kinds.contains(text(scope.kind)) {
            for index in scope.id { bytes[index] = ScopeID.lowercased(bytes[index]) }
        }
    }

    /// Calls a closure with the bytes of a text, without a copy.
    package func withBytes<Result>(of range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        bytes.withBytes { body($0.part(range)) }
    }

    /// A copy of a text.
    package func text(_ range: Range<Int>) -> String {
        withBytes(of: range) { String(decoding: $0, as: UTF8.self) }
    }
}
