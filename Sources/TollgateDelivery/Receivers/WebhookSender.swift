import Foundation
import TollgateCore
import TollgateLedger
import TollgateStores

/// POSTs an event as JSON.
struct WebhookSender: AlertSender {
    let address: WebAddress
    let secret: AlertReceiver.Secret?
    let sender: WebSender

    func deliver(_ entry: AlertEntry) async -> DeliveryOutcome {
        guard let body = try? EventMessage(entry).json else { return .unwritable }
        var headers = [("Tollgate-Delivery", entry.id)]
        if let secret {
            let time = Int64(Date.now.timeIntervalSince1970)
            headers.append(("Tollgate-Signature", Signature.text(of: body, at: time, secret: secret.text)))
        }
        return await sender.post(body, to: address.text, headers: headers)
    }
}

extension DeliveryOutcome {
    /// Not a fault of the receiver, and no attempt will change it.
    static let unwritable = DeliveryOutcome.failed(.init(sentence: "cannot be written as JSON", isPermanent: true))
}
