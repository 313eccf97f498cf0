import HTTPTypes
import Hummingbird

/// Rejects requests that were not meant for this API, and paths that are not in normal form.
struct HostMiddleware: RouterMiddleware {
    let rule: HostRule

    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        if let fault = rule.fault(of: request.head) { throw Problem.badRequest(fault) }
        // The router accepts `//v1//tiers` and `/v1/tiers/` as `/v1/tiers`. A proxy that restricts paths may not.
        let path = request.uri.path
        if path.hasSuffix("/") || path.contains("//") { throw HTTPError(.notFound) }
        return try await next(request, context)
    }
}
