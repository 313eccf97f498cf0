import Hummingbird
import TollgateCore
import TollgateLedger
import TollgateServer
import TollgateStores

/// `/v1/deliveries`: how far the handlers of this sidecar's file have been told of alerts, by whichever sidecar.
struct DeliveryRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.get, "/v1/deliveries", .read, list)] }

    /// The most deliveries that are listed of a handler, of each sort.
    private static let most = 100

    private func list(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let store = try api.stores().alerts
        var items: [HandlerView] = []
        // One after the other: what waits for a handler may be long, and alerts share the connection.
        for handler in api.handlers {
            items.append(
                HandlerView(handler, try await DeliveryQueue(store, handler: handler.name).report(atMost: Self.most)))
        }
        return .json(ListView(items: items))
    }
}
