import TollgateCore
import TollgatePolicy

/// Validates arguments that become a part of a request's path or query. An invalid one is rejected before any request,
/// because an empty one would address another resource.
enum RequestArgument {
    static func alert(_ text: String) throws -> String {
        guard Alert.isID(text) else {
            throw ScopeError("expected the id of an alert, such as mi8x3k2p-1b0q6y0c3v5xk; tollgate alerts lists them")
        }
        return text
    }

    /// Returns the text of a scope that is given in any form: `user:bob++x` for `user=bob+x`.
    static func scope(_ text: String) throws -> String {
        guard !text.isEmpty else { throw ScopeError("expected a scope, such as user:alice") }
        return try Scope(parsing: text).description
    }

    /// Validates a scope kind, or several that are joined.
    static func kind(_ text: String) throws -> String {
        guard !text.isEmpty else { throw ScopeError("expected a kind, such as user") }
        _ = try ScopeKind(parsing: text)
        return text
    }

    static func day(_ text: String) throws -> String {
        guard CalendarUnit.day.number(ofID: text) != nil else {
            throw ScopeError("expected a day such as 2026-11-20")
        }
        return text
    }

    static func month(_ text: String) throws -> String {
        guard CalendarUnit.month.number(ofID: text) != nil else {
            throw ScopeError("expected a month such as 2026-11")
        }
        return text
    }

    /// Parses the maximum number of items of a list.
    static func limit(_ text: String) throws -> Int {
        guard let limit = Int(text), (1...10_000).contains(limit) else {
            throw ScopeError("expected a whole number from 1 to 10000")
        }
        return limit
    }

    static func limitMode(_ text: String) throws -> LimitMode {
        guard let mode = LimitMode(rawValue: text) else { throw ScopeError("expected enforce or shadow") }
        return mode
    }

    /// Validates the name of a limit, with or without its scope: `user:alice/requests/1m`.
    static func limitName(_ text: String) throws -> String {
        _ = try Limit.parse(scopedName: text)
        return text
    }

    static func user(_ text: String) throws -> String {
        guard !text.isEmpty else { throw ScopeError("expected the id of a user, such as alice") }
        _ = try Scope(parts: [.init(kind: "user", id: text)])
        return text
    }

    /// The subject of `tollgate who`: a user by its id or scope, or another scope.
    enum Subject: Equatable {
        case user(String)
        case scope(String)
    }

    /// Reads `alice`, `user:alice`, `user=alice` or another scope such as `tenant:acme`. The id of a user that contains
    /// a `:` has to be written as a scope.
    static func userOrScope(_ text: String) throws -> Subject {
        guard let sign = text.unicodeScalars.firstIndex(where: { $0 == ":" || $0 == "=" }),
            ScopeKind.isWellFormed(text[..<sign].utf8)
        else { return .user(try user(text)) }
        let scope = try Scope(parsing: text)
        guard let part = scope.parts.first, scope.parts.count == 1, part.kind == "user" else {
            return .scope(scope.description)
        }
        return .user(part.id)
    }

    static func account(_ text: String) throws -> String {
        _ = try Account.scope(text)
        return text
    }

    static func tier(_ text: String) throws -> String {
        try Tier.validate(id: text)
        return text
    }

    static func subject(_ text: String) throws -> String {
        _ = try Assignment.Subject(id: text)
        return text
    }
}
