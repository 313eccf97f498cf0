import Crypto
import Foundation
import TollgateCore
import TollgateServer

/// Signs the cookies and forms of a process. The key lives as long as the process, so a restart ends all sessions. Usable
/// from any task.
struct SessionKey: Sendable {
    private let key = SymmetricKey(size: .bits256)

    /// The purpose of a signature. A signature for one purpose is not valid for another.
    enum Purpose: String {
        case session
        case notice
        case form
    }

    /// Returns a value as text with a signature: `PAYLOAD.SIGNATURE`, both in base64url.
    func sealed(_ value: some Encodable, for purpose: Purpose) -> String {
        // Encoding cannot fail: the values contain texts and whole numbers only.
        let payload = Base64URL.text((try? JSONEncoder().encode(value)) ?? Data())
        return "\(payload).\(signature(of: payload, for: purpose))"
    }

    /// Returns the value of a sealed text, or nil if the text was not sealed by this key for the purpose.
    func opened<Value: Decodable>(_ text: some StringProtocol, _ type: Value.Type, for purpose: Purpose) -> Value? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, areEqual(parts[1], signature(of: parts[0], for: purpose)),
            let payload = Base64URL.bytes(of: parts[0])
        else { return nil }
        return try? JSONDecoder().decode(type, from: Data(payload))
    }

    /// The token that every form of a session must send, against forged requests from other sites.
    func formToken(of session: Session) -> String { signature(of: session.id, for: .form) }

    /// Returns whether a form has the token of the session.
    func isFormToken(_ text: String, of session: Session) -> Bool { areEqual(text, formToken(of: session)) }

    private func signature(of text: some StringProtocol, for purpose: Purpose) -> String {
        Base64URL.text(HMAC<SHA256>.authenticationCode(for: Data("\(purpose.rawValue):\(text)".utf8), using: key))
    }

    private func areEqual(_ given: some StringProtocol, _ expected: String) -> Bool {
        ConstantTime.areEqual(Array(given.utf8), Array(expected.utf8))
    }
}
