import Hummingbird
import NIOCore
import TollgatePolicy
import TollgateServer

/// The route `/metrics`, on the listener of the admin API, and on one of its own.
struct MetricsRoutes {
    private let server: Sidecar
    private let stored: StoredMetricsReader
    private let scopes: ScopeGaugeReader

    init(server: Sidecar, scopes settings: ScopeGaugeSettings) {
        self.server = server
        stored = StoredMetricsReader(server)
        scopes = ScopeGaugeReader(server, settings)
    }

    var routes: [Route] { [Route(.get, "/metrics", .metrics, metrics)] }

    private func metrics(_ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let format = MetricsFormat(accept: request.request.headers[.accept])
        // What is stored in Redis is missing while Redis is.
        async let stored = stored.metrics()
        async let gauges = scopes.gauges()
        let text = MetricsText.make(
            await server.metrics(), stored: await stored, scopes: await gauges,
            moneyUnit: server.policies.effective.moneyUnit, format)
        return Response(
            status: .ok, headers: [.contentType: format.contentType],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }
}
