import TollgateCore

extension Verb {
    /// The keys of the arguments that the verb takes besides scopes.
    package var argumentNames: [String] { RequestKey.names(ofArgumentsOf: self) }
}

/// The meaning of the key of a `key=value`.
enum RequestKey: Equatable {
    case amount(Meter)
    /// An amount that has a price and no limit of its own.
    case billed(BilledItem)
    case id
    case usedAt
    case timeToLive
    case onExpiry
    case reservation
    case email
    case roles
    case scope
    /// The kind of a scope: any other well-formed key.
    case kind
    /// A reserved word, which no verb of this version takes.
    case reserved

    /// Whether a well-formed key is the kind of a scope.
    @inline(__always)
    static func isKind(_ key: UnsafeRawBufferPointer) -> Bool {
        switch key[0] {
        case UInt8(ascii: "a"), UInt8(ascii: "c"), UInt8(ascii: "e"), UInt8(ascii: "g"), UInt8(ascii: "h"),
            UInt8(ascii: "i"), UInt8(ascii: "o"), UInt8(ascii: "r"), UInt8(ascii: "s"), UInt8(ascii: "t"):
            return RequestKey(key) == .kind
        default:
            // No other key begins with one of these letters, but the usual kinds do.
            assert(RequestKey(key) == .kind)
            return true
        }
    }

    /// Looks up a key, which must be well-formed.
    init(_ key: UnsafeRawBufferPointer) {
        switch key.count {
        case 2 where key.equals("id"): self = .id
        case 2 where key.equals("at"): self = .usedAt
        case 3 where key.equals("ttl"): self = .timeToLive
        case 4 where key.equals("hits"): self = .reserved
        case 4 where key.equals("cost"): self = .amount(.cost)
        case 5 where key.equals("email"): self = .email
        case 5 where key.equals("roles"): self = .roles
        case 5 where key.equals("scope"): self = .scope
        case 5 where key.equals("token"): self = .reserved
        case 6 where key.equals("tokens"): self = .amount(.tokens)
        case 6 where key.equals("global"): self = .reserved
        case 6 where key.equals("images"): self = .billed(.images)
        case 7 where key.equals("seconds"): self = .billed(.seconds)
        case 17 where key.equals("cache_read_tokens"): self = .billed(.cacheReadTokens)
        case 18 where key.equals("cache_write_tokens"): self = .billed(.cacheWriteTokens)
        case 9 where key.equals("on_expiry"): self = .onExpiry
        case 8 where key.equals("requests"): self = .amount(.requests)
        case 11 where key.equals("reservation"): self = .reservation
        case 12 where key.equals("input_tokens"): self = .amount(.inputTokens)
        case 13 where key.equals("output_tokens"): self = .amount(.outputTokens)
        default: self = .kind
        }
    }

    /// The keys of arguments, in the order of the documentation.
    private static let names =
        Meter.allCases.filter { $0 != .concurrent }.map(\.name) + BilledItem.allCases.map(\.rawValue)
        + ["id", "at", "ttl", "on_expiry", "reservation", "roles", "email", "scope"]

    /// The keys of the arguments that a verb takes, for suggestions.
    fileprivate static func names(ofArgumentsOf verb: Verb) -> [String] {
        names.filter { name in
            Array(name.utf8).withUnsafeBytes { RequestKey($0).isArgument(of: verb) }
        }
    }

    /// Whether a verb takes the key.
    func isArgument(of verb: Verb) -> Bool {
        switch (self, verb) {
        case (.amount, .commit), (.billed, .commit): true
        case (.amount, _), (.billed, _): verb.namesScopes
        case (.kind, _): verb.namesScopes || verb == .usage
        case (.email, _), (.roles, _): verb.namesScopes || verb == .usage
        case (.id, .record), (.id, .refund), (.usedAt, .record), (.usedAt, .refund): true
        case (.scope, .usage), (.timeToLive, .reserve), (.onExpiry, .reserve): true
        case (.reservation, .commit), (.reservation, .cancel): true
        default: false
        }
    }
}
