import Crypto
import Foundation

/// Lets a receiver know that a message is from somebody who knows the secret, and is not old.
enum Signature {
    /// `t=1795219201,v1=5257a8…`: the HMAC-SHA256 of the time, a full stop and the body.
    static func text(of body: String, at seconds: Int64, secret: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(
            for: Data("\(seconds).\(body)".utf8), using: SymmetricKey(data: Data(secret.utf8)))
        let digits = code.map { byte in
            let text = String(byte, radix: 16)
            return byte < 16 ? "0" + text : text
        }
        return "t=\(seconds),v1=\(digits.joined())"
    }
}
