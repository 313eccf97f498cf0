import Foundation
import JWTKit
import Testing

@testable import TollgateAdmin

/// Signs JWTs with its own keys, and publishes their JWKS.
struct TokenMint {
    static let secret = "a-secret-for-HS256-with-room-for-HS512-too-which-has-to-be-of-64-bytes"

    let rsa: Insecure.RSA.PrivateKey
    let elliptic = ES256PrivateKey()
    let other = ES256PrivateKey()
    private(set) var keys = JWTKeyCollection()

    init() async throws {
        rsa = try Insecure.RSA.PrivateKey(pem: Self.rsaKey)
        await keys.add(rsa: rsa, digestAlgorithm: .sha256, kid: "rsa")
        await keys.add(ecdsa: elliptic, kid: "ec")
        await keys.add(ecdsa: other, kid: "other")
        await keys.add(hmac: HMACKey(from: Self.secret), digestAlgorithm: .sha256, kid: "oct")
        // The key that a verifier with algorithm confusion would use.
        await keys.add(hmac: HMACKey(from: rsa.publicKey.pemRepresentation), digestAlgorithm: .sha256, kid: "confused")
    }

    /// A mint with other signing keys.
    func with(_ keys: JWTKeyCollection) -> TokenMint {
        var mint = self
        mint.keys = keys
        return mint
    }

    /// The JWKS as an issuer publishes it, including unusable keys.
    func jwks() throws -> String {
        let (modulus, exponent) = try rsa.publicKey.getKeyPrimitives()
        let point = try #require(elliptic.publicKey.parameters)
        return """
            {"keys":[
              {"kty":"RSA","kid":"rsa","use":"sig","alg":"RS256","n":"\(Self.base64(modulus))","e":"\(Self.base64(exponent))"},
              {"kty":"EC","kid":"ec","crv":"P-256","x":"\(Self.url(point.x))","y":"\(Self.url(point.y))"},
              {"kty":"oct","kid":"oct","alg":"HS256","k":"\(Self.base64(Data(Self.secret.utf8)))"},
              {"kty":"OKP","kid":"ed","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
              {"kty":"RSA","kid":"enc","use":"enc","n":"AQAB","e":"AQAB"}
            ]}
            """
    }

    static func base64(_ data: Data) -> String { url(data.base64EncodedString()) }

    private static func url(_ base64: String) -> String {
        base64.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// Valid claims, with changes.
    static func claims(_ changes: [String: JSONValue?] = [:]) -> [String: JSONValue] {
        var claims: [String: JSONValue] = [
            "sub": .string("carol"), "aud": .array([.string("other"), .string("tollgate")]),
            "iss": .string("https://issuer.example"), "exp": .integer(Int64(Date.now.timeIntervalSince1970) + 600),
            "role": .array([.string("staff"), .string("tollgate-viewer")]),
        ]
        for (key, value) in changes { claims[key] = value }
        return claims
    }

    func sign(_ claims: [String: JSONValue], kid: String = "rsa") async throws -> String {
        try await keys.sign(Payload(members: claims), kid: JWKIdentifier(string: kid))
    }

    private struct Payload: JWTPayload {
        var members: [String: JSONValue]

        init(members: [String: JSONValue]) { self.members = members }
        init(from decoder: any Decoder) throws { members = try .init(from: decoder) }
        func encode(to encoder: any Encoder) throws { try members.encode(to: encoder) }
        func verify(using algorithm: some JWTAlgorithm) async throws {}
    }

    /// A key for these tests only.
    private static let rsaKey = """
        -----BEGIN PRIVATE KEY-----
        MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQDh3B1tZ0mLFyro
        gE+R3AmWp6tnycqGsblPomWrDY+uQoGWf69Vhug6jA/9a6LdvBe5jio8EVQWxE16
        +RspUZBpKYoJtohIvCBlKGy0pykeiKaKkAdRv1w2qAMZRiHiOGlx3ZzfpOyrU+fr
        QZfsRgUyeH/k0fh1bHP5sp0EKIgAvxCp3vs/f4DMyy2R6ZtbVMtovEgC/HBisZP/
        Uq3nIfNrk9zIwSmJKTubeuNZP6NtQgwF9Vh9D5etfvAMKagHGPcWB1HnSJMCtTbK
        UemAcRt9VGTrdH8zC9NpYmPGH3hS6MqPzAA0NJ3dDHth9NSgCg0hzTbhJOZeiFiy
        WTaWMws3AgMBAAECggEACy9Y37mdOT+g9tmf1yPT77uG8AFcv7XebPSoX0OxKVqO
        y1KwbqZbKscT5aNmcd+mNyC0s7vR87yt75iVgULSSXrupJN/BUcXvZq2Y23hyerP
        gI4oZqJ44RYJ7T79X5QWmLZ2Vdb3h3aExjA940wGZtzzzHOff8UqqyNuxi1xqsOz
        q/p0ru3fHyBuJmwsffAbs1mjp4PkRu2jb4IOq2BUp5fOJNUgJbe01Q96SoZ4jFyl
        B/rktWn+Wnhco5rQP5RDCEcJ1bN/5HCUdmCd9LUfB6nf9VzI52kBfotiU+ZtLZ0N
        YrrlBbQKqv5ppILI+Kk9o645QVKfGopjYv1zg2DDOQKBgQD6izxvcu4gTDmnri0n
        hksaqRHYFowk4hKGQPobDWnf946rp/VyXKDDaJBPJnwAzSaNwhSUIvMhisZ/Ebak
        yaIOD9AuVgjJdYMhY0z+LRspfkfeP2xNd1B8B9QxhRFX+bXd/6MOz3reoEP/WZXM
        8oI5I+nMjwb3iDF1wNgeMqVsTwKBgQDmx0RaO6nxj1CLdk5iZCenP0OogbZlEsAT
        Nss/t8MJo4w2j1KZaOL6hkQyT1ZDtVmUORPdh4d6eg+2MmC5dTD5yGiWPNy/f9Pz
        LCts0X7nZ3O6mED3OsXM3daJtTkb4359XJc8C0/Sy+bXiaif/xL8Q/F186FZqlNr
        7OcVuHGwmQKBgQCyVB6NGRnjBT5YWoIrSsv0Svi3fLz9l6glxOQAE1kToAn9pkvu
        vX1z+N4WaEcE7wCND+JD2miBrFxCn6IHwrjFF35PLM+OTUUro5lupT5bF1YiG7SD
        ovQ3g/8FzDgfDU7kl4tBBG7pPNuJSgN03/vOngBQqFEGKPtDXCK3w8a4wwKBgQDN
        l/6D6J1oz0VxSS9hplpRPCI5b32fo8msFGeT11ERODuEq8BpXTDBAXal31o5rckl
        LIhPFhuS+EUhCtZywj2keW77UTNUAzw+aj4xjp1g6CAIvvU5i4mGDqe/PMyo1M3u
        PtuYqXcuk2qO4FtyVlqClMD7VNWMvRnej0n7ZrsaGQKBgFs9B6ek7nCg8X0KVT5r
        Cc9q/zR2GsJ/ke/irb/qcoDoKJIlFiNM0d9//GaASN0XWQeU01OxbRtJqmsPJhZe
        sNJpEPmaewD2uDfammisHuFtjD2YH5bazwKD/LZC4A+3+qLpANx1s6qj6K8Fa7+a
        1MI8whA44YURnMGudfdDLJIv
        -----END PRIVATE KEY-----
        """
}
