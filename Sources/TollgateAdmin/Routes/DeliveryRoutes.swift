import Hummingbird
import TollgateCore
import TollgateLedger
import TollgateServer
import TollgateStores

/// `/v1/deliveries`: how far the receivers of this sidecar's file have been told of alerts, by whichever sidecar.
struct DeliveryRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.get, "/v1/deliveries", .read, list)] }

    /// The most deliveries that are listed of a receiver, of each sort.
    private static let most = 100

    private func list(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let store = try api.stores().alerts
        var items: [ReceiverView] = []
        // One after the other: what waits for a receiver may be long, and alerts share the connection.
        for receiver in api.receivers {
            items.append(
                ReceiverView(
                    receiver, try await DeliveryQueue(store, receiver: receiver.name).report(atMost: Self.most)))
        }
        return .json(ListView(items: items))
    }
}
