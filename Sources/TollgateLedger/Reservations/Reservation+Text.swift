import NIOCore
import TollgateCore

/// The encodings of a reservation: bytes (MessagePack), and base64url text for the journal. Callers get a token, which
/// adds a signature to the bytes (``ReservationTokens``).
extension Reservation {
    /// The versions of the encoding. Version 2 has the user's traits at its end, and version 3 then also the index of
    /// its expiry rule.
    private static let versions: ClosedRange<Int64> = 1...3
    private static let maxTraitsLength = 1_500
    private static let maxScopes = 16

    /// The reservation in MessagePack.
    var encoding: [UInt8] {
        var bytes = ByteBuffer()
        let rule = onExpiry.flatMap { ExpiryRule.allCases.firstIndex(of: $0) }
        bytes.writeMessagePack(rule != nil ? 3 : traits.isEmpty ? 1 : 2)
        bytes.writeMessagePack(id.utf8)
        for number in [madeAt, timeToLive, requests, tokens, inputTokens, outputTokens, cost] {
            bytes.writeMessagePack(number)
        }
        bytes.writeMessagePack(arrayOf: scopes.count)
        for scope in scopes { bytes.writeMessagePack(scope.utf8) }
        if !traits.isEmpty || rule != nil { bytes.writeMessagePack(traits.utf8) }
        if let rule { bytes.writeMessagePack(Int64(rule)) }
        return Array(bytes.readableBytesView)
    }

    /// Creates a reservation from its encoding; nil if no RESERVE makes such a reservation.
    convenience init?(encoding: [UInt8]) {
        var bytes = ByteBuffer(bytes: encoding)
        guard let version = bytes.readMessagePackInteger(), Self.versions.contains(version),
            let id = bytes.readMessagePackText(), Self.isID(id),
            let numbers = Self.readNumbers(&bytes), let scopes = Self.readScopes(&bytes),
            let traits = version == 1 ? "" : bytes.readMessagePackText(), traits.utf8.count <= Self.maxTraitsLength,
            let rule = version < 3 ? ExpiryRule??.some(nil) : Self.readRule(&bytes), bytes.readableBytes == 0,
            numbers[0] <= Self.maxTime, Self.lifetimes.contains(numbers[1])
        else { return nil }
        self.init(
            id: id, scopes: scopes, traits: traits, requests: numbers[2], tokens: numbers[3], inputTokens: numbers[4],
            outputTokens: numbers[5], cost: numbers[6], timeToLive: numbers[1], onExpiry: rule, madeAt: numbers[0])
    }

    /// The encoding as text, for the journal.
    var text: String { Base64URL.text(encoding) }

    /// Creates a reservation from its text; nil if ``text`` never returns it.
    convenience init?(text: String) {
        guard let bytes = Base64URL.bytes(of: text) else { return nil }
        self.init(encoding: bytes)
    }

    /// The year 2200 in Unix ms.
    private static let maxTime: Int64 = 7_258_118_400_000
    /// The valid lifetimes in ms.
    private static let lifetimes: ClosedRange<Int64> = 1_000...86_400_000

    /// Reads seven numbers below 2⁵³, which the script's doubles represent exactly.
    private static func readNumbers(_ bytes: inout ByteBuffer) -> [Int64]? {
        var numbers: [Int64] = []
        for _ in 0..<7 {
            guard let number = bytes.readMessagePackInteger(), (0..<1 << 53).contains(number) else { return nil }
            numbers.append(number)
        }
        return numbers
    }

    /// Reads an expiry rule. The outer optional is nil if there is no valid one.
    private static func readRule(_ bytes: inout ByteBuffer) -> ExpiryRule?? {
        guard let index = bytes.readMessagePackInteger(), ExpiryRule.allCases.indices.contains(Int(index)) else {
            return nil
        }
        return ExpiryRule.allCases[Int(index)]
    }

    private static func readScopes(_ bytes: inout ByteBuffer) -> [String]? {
        guard let count = bytes.readMessagePackArrayCount(), count <= maxScopes else { return nil }
        var scopes: [String] = []
        for _ in 0..<count {
            guard let scope = bytes.readMessagePackText(), !scopes.contains(scope),
                (try? Scope(parsing: scope))?.description == scope
            else { return nil }
            scopes.append(scope)
        }
        return scopes
    }

    private static func isID(_ id: String) -> Bool {
        (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
