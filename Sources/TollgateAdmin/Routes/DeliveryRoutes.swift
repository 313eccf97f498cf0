import Hummingbird
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateServer
import TollgateStores

/// The routes under `/v1/deliveries`: the state of the receivers in this sidecar's file, whichever sidecar delivers to
/// them, test messages and retries.
struct DeliveryRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [
            Route(.get, "/v1/deliveries", .read, list),
            Route(.post, "/v1/deliveries/{name}/test", .administer, isChange: false, test),
            Route(.post, "/v1/deliveries/{name}/retry", .administer, retry),
        ]
    }

    /// The maximum number of deliveries to list per receiver and state.
    private static let maxItems = 100

    private func list(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let store = api.stores.alerts
        var items: [ReceiverView] = []
        // Sequentially, because the backlog of a receiver may be long and shares the connection with alerts.
        for receiver in api.server.receivers.active {
            items.append(
                ReceiverView(
                    receiver, try await DeliveryQueue(store, receiver: receiver.name).report(atMost: Self.maxItems)))
        }
        return .json(ListView(items: items))
    }

    private func test(_ request: AdminRequest) async throws -> Response {
        let receiver = try await receiver(request)
        guard let send = api.testReceiver else { throw Problem(.unavailable, "this sidecar delivers no alerts") }
        let view = ReceiverTestView(receiver: receiver, test: await send(receiver))
        await audit("delivery.test", receiver, view, by: request)
        return .json(view)
    }

    private func retry(_ request: AdminRequest) async throws -> Response {
        let receiver = try await receiver(request)
        let retry = try await DeliveryQueue(api.stores.alerts, receiver: receiver.name).retry()
        let view = DeliveryRetryView(receiver: receiver.name, retry: retry)
        await audit("delivery.retry", receiver, view, by: request)
        return .json(view)
    }

    /// Returns the receiver in the path. Throws a `Problem` with the names of all receivers if there is no such one.
    private func receiver(_ request: AdminRequest) async throws -> AlertReceiver {
        _ = try request.query()
        let name = try request.parameter("name")
        try ObjectReader(try await request.json(), allowed: []).finish()
        let receivers = api.server.receivers
        if let receiver = receivers.receiver(named: name) { return receiver }
        let names = receivers.active.map(\.name)
        let expected = names.isEmpty ? "this sidecar has none" : "expected \(names.joined(separator: ", "))"
        throw Problem.notFound("\(name.prefix(64)): no such receiver; \(expected)")
    }

    /// Appends to the audit log. The action is done, so a failure is ignored.
    private func audit(
        _ action: String, _ receiver: AlertReceiver, _ outcome: some Encodable, by request: AdminRequest
    ) async {
        guard let after = try? CanonicalJSON.text(outcome) else { return }
        try? await api.stores.policy.auditLog.append(
            action, receiver.name, before: "null", after: after, by: request.author)
    }
}
