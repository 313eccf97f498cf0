import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

/// An event as webhooks and channels get it: `{"alert":{…},"delivery":"1795219201123-0","event":"opened"}`.
struct EventMessage: Encodable {
    private var alert: Alert
    private var delivery: String
    private var event: String

    init(_ entry: AlertEntry) {
        alert = entry.alert
        delivery = entry.id
        event = entry.event.rawValue
    }

    /// In one line, keys in alphabetical order; the same bytes for the same entry.
    var json: String { get throws { try CanonicalJSON.text(self) } }
}
