import Hummingbird
import TollgateCore
import TollgateLedger
import TollgateServer
import TollgateStores

/// The route `/v1/deliveries`: the state of the receivers in this sidecar's file, whichever sidecar delivers to them.
struct DeliveryRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.get, "/v1/deliveries", .read, list)] }

    /// The maximum number of deliveries to list per receiver and state.
    private static let maxItems = 100

    private func list(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let store = api.stores.alerts
        var items: [ReceiverView] = []
        // Sequentially, because the backlog of a receiver may be long and shares the connection with alerts.
        for receiver in api.receivers {
            items.append(
                ReceiverView(
                    receiver, try await DeliveryQueue(store, receiver: receiver.name).report(atMost: Self.maxItems)))
        }
        return .json(ListView(items: items))
    }
}
