import Foundation
import JWTKit
import TollgateCore
import TollgatePolicy

/// A key that signs JWTs. The kind of the key determines the algorithm. The token's header must agree, and never
/// selects it.
package struct TokenKey: Sendable {
    enum Algorithm: String {
        case hs256 = "HS256"
        case rs256 = "RS256"
        case es256 = "ES256"
    }

    let id: String?
    let algorithm: Algorithm
    /// A collection with only this key.
    let collection: JWTKeyCollection
    /// The key itself as text, to compare it with that of another file.
    private let material: String
    /// The grant of the key in the access that is in force; nil before.
    private(set) var grant: Grant?

    /// The minimum length of a secret in bytes: that of the hash (RFC 7518, 3.2).
    static let minSecretLength = 32

    /// Creates a key for HS256. Throws an error that names the file.
    static func secret(_ bytes: Data, id: String?, _ file: String) async throws(OperatorError) -> TokenKey {
        guard bytes.count >= minSecretLength else {
            throw OperatorError("\(file): expected a secret of at least \(minSecretLength) bytes for HS256")
        }
        let collection = JWTKeyCollection()
        await collection.add(hmac: HMACKey(from: bytes), digestAlgorithm: .sha256)
        return TokenKey(id, .hs256, collection, material: bytes.base64EncodedString())
    }

    fileprivate init(_ id: String?, _ algorithm: Algorithm, _ collection: JWTKeyCollection, material: String) {
        self.id = id
        self.algorithm = algorithm
        self.collection = collection
        self.material = material
    }

    /// Whether another file has the key unchanged.
    func isSame(as other: TokenKey) -> Bool {
        id == other.id && algorithm == other.algorithm && material == other.material
    }

    /// Returns the key with a grant.
    func granted(_ grant: Grant) -> TokenKey {
        var key = self
        key.grant = grant
        return key
    }

    /// Reads the usable keys of a JWKS: RSA, EC on P-256, and oct. Other keys, and those for encryption, are ignored.
    static func set(_ json: String, _ file: String) async throws(OperatorError) -> [TokenKey] {
        guard let set = try? JSONDecoder().decode(KeySet.self, from: Data(json.utf8)) else {
            throw OperatorError("\(file): not a JWKS; expected {\"keys\":[…]}")
        }
        var keys: [TokenKey] = []
        for (index, key) in set.keys.enumerated() where key.use != "enc" {
            do {
                if let key = try await key.usable(file) { keys.append(key) }
            } catch let error as OperatorError {
                throw error
            } catch {
                throw OperatorError("\(file): keys[\(index)]: cannot be used: \(error)")
            }
        }
        guard !keys.isEmpty else { throw OperatorError("\(file): has no key for RS256, ES256 or HS256") }
        return keys
    }
}

/// A JWKS as encoded (RFC 7517).
private struct KeySet: Decodable {
    struct Key: Decodable {
        var kty: String
        var kid: String?
        var use: String?
        var alg: String?
        var n: String?
        var e: String?
        var crv: String?
        var x: String?
        var y: String?
        var k: String?

        func usable(_ file: String) async throws -> TokenKey? {
            let collection = JWTKeyCollection()
            switch (kty, crv) {
            case ("RSA", _) where alg == nil || alg == "RS256":
                let key = try Insecure.RSA.PublicKey(modulus: n ?? "", exponent: e ?? "")
                await collection.add(rsa: key, digestAlgorithm: .sha256)
                return TokenKey(kid, .rs256, collection, material: "\(n ?? "") \(e ?? "")")
            case ("EC", "P-256") where alg == nil || alg == "ES256":
                await collection.add(ecdsa: try ES256PublicKey(parameters: (x: x ?? "", y: y ?? "")))
                return TokenKey(kid, .es256, collection, material: "\(x ?? "") \(y ?? "")")
            case ("oct", _) where alg == nil || alg == "HS256":
                return try await TokenKey.secret(Data(Base64URL.bytes(of: k ?? "") ?? []), id: kid, file)
            default: return nil
            }
        }
    }

    var keys: [Key]
}
