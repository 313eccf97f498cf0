import Foundation
import JWTKit
import TollgateCore

/// Verifies the JWTs of one issuer, and accepts those with all required claims.
package struct TokenVerifier: Sendable {
    var keys: [TokenKey]
    /// The required audience (`aud`).
    let audience: String
    /// The required issuer (`iss`). Nil accepts any.
    let issuer: String?
    /// The claim that contains the bearer's name.
    let subjectClaim: String
    /// The claim that contains the roles, as a string or a list of strings. Dots separate nested keys.
    let roleClaim: String
    /// The claim's value for each role.
    let roles: [Role: String]

    /// The raw payload. Its claims are checked after the signature.
    private struct Claims: JWTPayload {
        var members: [String: JSONValue]

        init(from decoder: any Decoder) throws {
            members = try decoder.singleValueContainer().decode([String: JSONValue].self)
        }

        func encode(to encoder: any Encoder) throws { try members.encode(to: encoder) }

        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    private struct Header: Decodable {
        var alg: String
        var kid: String?
        var crit: [String]?
    }

    /// Whether the text has the form of a JWT.
    static func isJWT(_ token: String) -> Bool { token.utf8.count { $0 == UInt8(ascii: ".") } == 2 }

    /// Returns the token's bearer, or nil if the token is not accepted.
    func identity(of token: String, at now: Date = .now) async -> Identity? {
        guard let key = key(for: token), let claims = try? await key.collection.verify(token, as: Claims.self) else {
            return nil
        }
        var identity = identity(claims.members, at: now.timeIntervalSince1970)
        identity?.grant = key.grant
        return identity
    }

    /// Whether another verifier makes the same users of the same JWTs, apart from the keys.
    func hasSameRules(as other: TokenVerifier) -> Bool {
        audience == other.audience && issuer == other.issuer && subjectClaim == other.subjectClaim
            && roleClaim == other.roleClaim && roles == other.roles
    }

    private func key(for token: String) -> TokenKey? {
        guard let part = token.split(separator: ".", omittingEmptySubsequences: false).first,
            let json = Base64URL.bytes(of: part), let header = try? JSONDecoder().decode(Header.self, from: Data(json)),
            // A critical extension is never supported here (RFC 7515, 4.1.11).
            header.crit == nil
        else { return nil }
        let candidates = keys.filter {
            $0.algorithm.rawValue == header.alg && (header.kid == nil || $0.id == header.kid)
        }
        // A key without an id verifies tokens with any `kid`, if it is the only key. A token without `kid` needs the
        // only key, too.
        if candidates.isEmpty, keys.count == 1, keys[0].id == nil, keys[0].algorithm.rawValue == header.alg {
            return keys[0]
        }
        return candidates.count == 1 ? candidates[0] : nil
    }

    private func identity(_ claims: [String: JSONValue], at now: Double) -> Identity? {
        guard let expiry = Self.seconds(claims["exp"]), now < expiry else { return nil }
        if let start = claims["nbf"] {
            guard let start = Self.seconds(start), start <= now else { return nil }
        }
        guard Self.texts(claims["aud"]).contains(audience) else { return nil }
        if let issuer, claims["iss"]?.text != issuer { return nil }
        guard let name = claims[subjectClaim]?.text, !name.isEmpty, ObjectReader.isPrintable(name),
            let identity = Identity.name(ofSubject: name)
        else { return nil }
        let words = Self.texts(claim(roleClaim, in: claims))
        let held = roles.filter { words.contains($0.value) }.keys
        // The highest role applies.
        guard let role = Role.allCases.last(where: held.contains) else { return nil }
        return Identity(name: identity, role: role, expiresAt: Int64(min(expiry, Self.latestExpiry)))
    }

    /// Returns the claim at a path. A claim whose own name contains the dots takes precedence.
    private func claim(_ path: String, in claims: [String: JSONValue]) -> JSONValue? {
        if let value = claims[path] { return value }
        var value: JSONValue? = .object(claims)
        for name in path.split(separator: ".") { value = value?.members?[String(name)] }
        return value
    }

    /// The end of the year 9999, Unix seconds, so that every expiry is a whole number.
    private static let latestExpiry = 253_402_300_799.0

    private static func seconds(_ value: JSONValue?) -> Double? {
        switch value {
        case .integer(let seconds): Double(seconds)
        case .decimal(let seconds): NSDecimalNumber(decimal: seconds).doubleValue
        default: nil
        }
    }

    private static func texts(_ value: JSONValue?) -> [String] {
        if let text = value?.text { return [text] }
        return value?.items?.compactMap(\.text) ?? []
    }
}
