import Foundation
import JWTKit
import Testing
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("JWTs")
struct JWTTests {
    private func verifier(_ mint: TokenMint, roleClaim: String = "role") async throws -> TokenVerifier {
        let folder = try TemporaryFolder()
        try folder.write(mint.jwks(), to: "jwks.json")
        let path = try folder.write(
            """
            jwt:
              keys: jwks.json
              audience: tollgate
              issuer: https://issuer.example
              role_claim: "\(roleClaim)"
              roles: { admin: tollgate-admin, viewer: tollgate-viewer, caller: tollgate-caller }
            """, to: "access.yaml")
        return try #require(await AccessFile(path: path).read().jwt)
    }

    /// The end of a token, in Unix seconds.
    private static func expiry(of claims: [String: JSONValue]) throws -> Int64 {
        guard case .integer(let seconds) = claims["exp"] else { throw TestFailure("no exp: \(claims)") }
        return seconds
    }

    @Test(
        "a token with all claims is accepted, with any key of the set", arguments: ["rsa", "ec", "oct"])
    func right(kid: String) async throws {
        let mint = try await TokenMint()
        let verifier = try await verifier(mint)
        let claims = TokenMint.claims()
        let identity = await verifier.identity(of: try await mint.sign(claims, kid: kid))
        #expect(identity == Identity(name: "jwt:carol", role: .viewer, expiresAt: try Self.expiry(of: claims)))
    }

    @Test(
        "a token with other claims is rejected",
        arguments: [
            ["exp": .integer(Int64(Date.now.timeIntervalSince1970) - 1)], ["exp": nil], ["exp": .string("never")],
            ["nbf": .integer(Int64(Date.now.timeIntervalSince1970) + 86_400)], ["nbf": .string("now")],
            ["aud": .string("tollgate2")], ["aud": .array([])], ["aud": nil],
            ["aud": .object(["x": .string("tollgate")])],
            ["iss": .string("https://issuer.example.net")], ["iss": nil],
            ["sub": nil], ["sub": .integer(7)], ["sub": .string("")], ["sub": .string("a\nb")],
            ["role": nil], ["role": .string("viewer")], ["role": .string("tollgate-viewer2")], ["role": .bool(true)],
        ] as [[String: JSONValue?]])
    func wrongClaims(changes: [String: JSONValue?]) async throws {
        let mint = try await TokenMint()
        let token = try await mint.sign(TokenMint.claims(changes))
        let verifier = try await verifier(mint)
        #expect(await verifier.identity(of: token) == nil)
    }

    @Test("the bearer is one word in the log, and distinct for each subject")
    func subjects() async throws {
        let mint = try await TokenMint()
        let verifier = try await verifier(mint)
        for (subject, name) in [
            ("Carol S", "jwt:Carol%20S"), ("Carol%20S", "jwt:Carol%2520S"), ("a\"b", "jwt:a%22b"),
            ("a\u{202e}b", "jwt:a%E2%80%AEb"), (String(repeating: "x", count: 125), nil),
        ] as [(String, String?)] {
            let token = try await mint.sign(TokenMint.claims(["sub": .string(subject)]))
            #expect(await verifier.identity(of: token)?.name == name)
        }
    }

    @Test("an audience as text, and a token that has become valid, are accepted")
    func forms() async throws {
        let mint = try await TokenMint()
        let verifier = try await verifier(mint)
        let now = Decimal(Date.now.timeIntervalSince1970)
        let claims = TokenMint.claims([
            "aud": .string("tollgate"), "role": .string("tollgate-caller"), "nbf": .decimal(now - 5),
            "exp": .decimal(now + Decimal(string: "600.5")!),
        ])
        #expect(await verifier.identity(of: try await mint.sign(claims))?.role == .caller)
    }

    @Test("a token signed by another key, or with another key's id, is rejected")
    func wrongKeys() async throws {
        let mint = try await TokenMint()
        let verifier = try await verifier(mint)
        #expect(await verifier.identity(of: try await mint.sign(TokenMint.claims(), kid: "other")) == nil)
        let keys = JWTKeyCollection()
        await keys.add(ecdsa: mint.other, kid: "ec")
        await keys.add(ecdsa: mint.elliptic, kid: "rsa")
        let mintOfOthers = mint.with(keys)
        #expect(await verifier.identity(of: try await mintOfOthers.sign(TokenMint.claims(), kid: "ec")) == nil)
        #expect(await verifier.identity(of: try await mintOfOthers.sign(TokenMint.claims(), kid: "rsa")) == nil)
    }

    @Test(
        "the key determines the algorithm: neither none nor HS256 with the public key is accepted"
    )
    func algorithms() async throws {
        let mint = try await TokenMint()
        let verifier = try await verifier(mint)
        let right = try await mint.sign(TokenMint.claims())
        let payload = try #require(right.split(separator: ".").dropFirst().first)
        for header in [
            #"{"alg":"none","kid":"rsa"}"#, #"{"alg":"none"}"#, #"{"alg":"None","kid":"oct"}"#, #"{"kid":"rsa"}"#, "{}",
        ] {
            let token = "\(TokenMint.base64(Data(header.utf8))).\(payload)."
            #expect(TokenVerifier.isJWT(token))
            #expect(await verifier.identity(of: token) == nil)
            #expect(await verifier.identity(of: token + TokenMint.base64(Data("x".utf8))) == nil)
        }
        let keys = JWTKeyCollection()
        let secret = HMACKey(from: mint.rsa.publicKey.pemRepresentation)
        await keys.add(hmac: secret, digestAlgorithm: .sha256, kid: "rsa")
        #expect(await verifier.identity(of: try await mint.with(keys).sign(TokenMint.claims(), kid: "rsa")) == nil)
        await keys.add(hmac: HMACKey(from: TokenMint.secret), digestAlgorithm: .sha512, kid: "oct")
        #expect(await verifier.identity(of: try await mint.with(keys).sign(TokenMint.claims(), kid: "oct")) == nil)
    }

    @Test("a token that was changed after signing is rejected")
    func changed() async throws {
        let mint = try await TokenMint()
        let verifier = try await verifier(mint)
        let parts = try await mint.sign(TokenMint.claims()).split(separator: ".").map(String.init)
        let admin = TokenMint.claims(["role": .string("tollgate-admin")])
        let forged = TokenMint.base64(try JSONEncoder().encode(admin))
        #expect(await verifier.identity(of: "\(parts[0]).\(forged).\(parts[2])") == nil)
        #expect(await verifier.identity(of: "\(parts[0]).\(parts[1]).") == nil)
        for nothing in ["..", "a.b.c", "\(parts[0])..\(parts[2])", "\u{1F600}.\u{1F600}.\u{1F600}"] {
            #expect(await verifier.identity(of: nothing) == nil)
        }
    }

    @Test("roles are found in nested objects, and the highest applies")
    func roles() async throws {
        let mint = try await TokenMint()
        let verifier = try await verifier(mint, roleClaim: "realm_access.roles")
        let roles = JSONValue.array(["tollgate-caller", "tollgate-admin", "tollgate-viewer"].map { .string($0) })
        let nested = TokenMint.claims(["realm_access": .object(["roles": roles])])
        #expect(await verifier.identity(of: try await mint.sign(nested))?.role == .admin)
        let flat = TokenMint.claims(["realm_access.roles": .string("tollgate-caller")])
        #expect(await verifier.identity(of: try await mint.sign(flat))?.role == .caller)
        #expect(await verifier.identity(of: try await mint.sign(TokenMint.claims())) == nil)
    }

    @Test("JWTs are accepted over HTTP, and the log names their subject")
    func http() async throws {
        let mint = try await TokenMint()
        let access = AccessSettings(tokens: AdminHarness.access.tokens, jwt: try await verifier(mint))
        try await withAdmin(access: access) { admin in
            let viewer = try await mint.sign(TokenMint.claims(), kid: "ec")
            #expect(try await admin.ask("GET", "/v1/tiers", token: viewer).status == 200)
            #expect(try await admin.ask("PUT", "/v1/tiers/basic", "{}", token: viewer).status == 403)
            let boss = try await mint.sign(TokenMint.claims(["role": .string("tollgate-admin")]))
            #expect(try await admin.ask("PUT", "/v1/tiers/basic", #"{"limits":{}}"#, token: boss).status == 201)
            try await eventually { admin.log.text.contains("who=jwt:carol") }
            #expect(!admin.log.text.contains(boss))
            #expect(try await admin.ask("GET", "/v1/tiers", token: boss + "x").status == 401)
        }
    }

    @Test("a secret file is a single key, and kid is optional")
    func secretFile() async throws {
        let folder = try TemporaryFolder()
        try folder.write(TokenMint.secret + "\n", to: "secret.txt")
        let path = try folder.write(
            "jwt: { secret_file: secret.txt, audience: tollgate, subject_claim: email, roles: { admin: tollgate-viewer } }",
            to: "access.yaml")
        let verifier = try #require(await AccessFile(path: path).read().jwt)
        let mint = try await TokenMint()
        let claims = TokenMint.claims(["email": .string("carol@example.com"), "iss": nil])
        let identity = await verifier.identity(of: try await mint.sign(claims, kid: "oct"))
        let expiry = try Self.expiry(of: claims)
        #expect(identity == Identity(name: "jwt:carol@example.com", role: .admin, expiresAt: expiry))
        #expect(await verifier.identity(of: try await mint.sign(claims, kid: "rsa")) == nil)
        #expect(await verifier.identity(of: try await mint.sign(claims, kid: "confused")) == nil)
    }
}
