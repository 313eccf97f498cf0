import HTTPTypes
import Hummingbird

/// Refuses requests that were not meant for this API, and paths that are another spelling of one of its own.
struct HostMiddleware: RouterMiddleware {
    let rule: HostRule

    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        if let fault = rule.fault(of: request.head) { throw Problem.badRequest(fault) }
        // The router would take `//v1//tiers` and `/v1/tiers/` for `/v1/tiers`; a proxy that guards paths may not.
        let path = request.uri.path
        if path.hasSuffix("/") || path.contains("//") { throw HTTPError(.notFound) }
        return try await next(request, context)
    }
}
