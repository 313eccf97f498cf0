import Crypto
import TollgateCore

/// Signs and verifies the tokens of reservations, with the keys that the sidecars of a namespace share. Pure; owned by one
/// ledger.
///
/// A token is the base64url text of a version, a key id, the reservation's encoding, and a MAC over all of these. Until
/// a key is known, for example because Redis has never been reached, tokens are unsigned. An unsigned token names a
/// reservation that exists nowhere, so a client that forges one can do no more with it than with a RECORD.
package struct ReservationTokens: Sendable {
    /// The reason why a token is rejected.
    package enum Fault: Error {
        /// No RESERVE returned the token.
        case invalid
        /// The token may be signed with a key that another sidecar has created.
        case unknownKey
    }

    /// A key that signs tokens.
    struct Key: Sendable, Equatable {
        /// 64 hexadecimal digits.
        let text: String
        let secret: SymmetricKey
        /// The first bytes of the key's digest.
        let id: [UInt8]

        /// The name of the key: 8 hexadecimal digits.
        var name: String { id.map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined() }

        /// Creates a random key.
        init() {
            self.init(SymmetricKey(size: .bits256))
        }

        /// Creates a key from its text; nil if the text is not a key.
        init?(text: String) {
            let digits = Array(text.utf8)
            guard digits.count == 64 else { return nil }
            var bytes: [UInt8] = []
            for index in stride(from: 0, to: 64, by: 2) {
                let pair = String(decoding: digits[index..<index + 2], as: UTF8.self)
                guard let byte = UInt8(pair, radix: 16) else { return nil }
                bytes.append(byte)
            }
            self.init(SymmetricKey(data: bytes))
        }

        private init(_ secret: SymmetricKey) {
            self.secret = secret
            let bytes = secret.withUnsafeBytes { Array($0) }
            text = bytes.map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
            id = Array(SHA256.hash(data: bytes).prefix(ReservationTokens.idLength))
        }
    }

    /// The versions of signed and unsigned tokens.
    private static let signed: UInt8 = 3
    private static let unsigned: UInt8 = 4
    private static let idLength = 4
    private static let tagLength = 16
    /// The prefix of reservation ids in unsigned tokens; no other id has it.
    private static let unsignedPrefix = "u-"
    /// The maximum number of keys. A namespace has more than one only after Redis has lost its data.
    private static let maxKeys = 16

    /// Whether tokens are signed.
    package var canSign: Bool { !keys.isEmpty }

    /// The known keys. The first one signs.
    private(set) var keys: [Key] = []

    /// Adds keys of other sidecars.
    ///
    /// - Parameter current: The key that signs from now on.
    mutating func learn(_ texts: [String], current: String?) {
        for text in texts where !keys.contains(where: { $0.text == text }) {
            if let key = Key(text: text) { keys.append(key) }
        }
        if let current, let index = keys.firstIndex(where: { $0.text == current }), index > 0 {
            keys.insert(keys.remove(at: index), at: 0)
        }
        if keys.count > Self.maxKeys { keys.removeLast(keys.count - Self.maxKeys) }
    }

    /// Returns the token of a reservation, the value of `reservation=`.
    package func token(of reservation: Reservation) -> String {
        guard let key = keys.first else { return unsignedToken(of: reservation) }
        var bytes = [Self.signed] + key.id + reservation.encoding
        bytes += HMAC<SHA256>.authenticationCode(for: bytes, using: key.secret).prefix(Self.tagLength)
        return Base64URL.text(bytes)
    }

    /// The reservation gets a random id that no data in Redis has.
    private func unsignedToken(of reservation: Reservation) -> String {
        let random = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }.joined()
        let reservation = Reservation(
            id: Self.unsignedPrefix + random, scopes: reservation.scopes, traits: reservation.traits, requests: 0,
            timeToLive: reservation.timeToLive, madeAt: reservation.madeAt)
        let bytes = [Self.unsigned] + reservation.encoding
        return Base64URL.text(bytes + SHA256.hash(data: bytes).prefix(Self.tagLength))
    }

    /// Returns the reservation in a token, verified.
    package func reservation(token: String) throws(Fault) -> Reservation {
        guard let bytes = Base64URL.bytes(of: token), bytes.count > 1 + Self.idLength + Self.tagLength else {
            throw .invalid
        }
        let (body, tag) = (bytes.dropLast(Self.tagLength), bytes.suffix(Self.tagLength))
        switch bytes[0] {
        case Self.signed: return try signedReservation(body, tag)
        case Self.unsigned:
            let isWhole = SHA256.hash(data: body).prefix(Self.tagLength).elementsEqual(tag)
            guard isWhole, let reservation = Reservation(encoding: Array(body.dropFirst())), reservation.requests == 0,
                reservation.id.hasPrefix(Self.unsignedPrefix)
            else { throw .invalid }
            return reservation
        default: throw .invalid
        }
    }

    private func signedReservation(_ body: ArraySlice<UInt8>, _ tag: ArraySlice<UInt8>) throws(Fault) -> Reservation {
        let id = body.dropFirst().prefix(Self.idLength)
        guard let key = keys.first(where: { $0.id.elementsEqual(id) }) else { throw .unknownKey }
        let expected = HMAC<SHA256>.authenticationCode(for: body, using: key.secret).prefix(Self.tagLength)
        var difference: UInt8 = 0
        for (byte, other) in zip(expected, tag) { difference |= byte ^ other }
        guard difference == 0, let reservation = Reservation(encoding: Array(body.dropFirst(1 + Self.idLength))) else {
            throw .invalid
        }
        return reservation
    }
}
