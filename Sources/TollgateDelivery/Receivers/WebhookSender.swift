import Crypto
import Foundation
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// POSTs an event as JSON to a URL, signed if there is a secret.
struct WebhookSender: AlertSender {
    let address: WebAddress
    let secret: AlertReceiver.Secret?
    let http: HTTPSender

    func deliver(_ entry: AlertEntry, isTest: Bool) async -> DeliveryOutcome {
        guard let body = try? EventMessage(entry, isTest: isTest).json else { return .unwritable }
        var headers = [("Tollgate-Delivery", entry.id)]
        if let secret {
            let time = Int64(Date.now.timeIntervalSince1970)
            headers.append(("Tollgate-Signature", Signature.text(of: body, at: time, secret: secret.text)))
        }
        return await http.post(body, to: address.text, headers: headers)
    }
}

/// The JSON of an event: `{"alert":{…},"delivery":"1795219201123-0","event":"opened"}`, with `"test":true` if it is only
/// a test.
struct EventMessage: Encodable {
    private var alert: Alert
    private var delivery: String
    private var event: String
    /// Nil unless it is a test.
    private var test: Bool?

    init(_ entry: AlertEntry, isTest: Bool = false) {
        alert = entry.alert
        delivery = entry.id
        event = entry.event.rawValue
        test = isTest ? true : nil
    }

    /// One line with keys in alphabetical order. The same entry has the same bytes.
    var json: String { get throws { try CanonicalJSON.text(self) } }
}

/// The signature of a webhook, by which the receiver verifies the sender and the time.
enum Signature {
    /// Returns `t=1795219201,v1=5257a8…`: the HMAC-SHA256 of the time, a full stop and the body.
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
