import HTTPTypes
import Hummingbird

/// Refuses requests that were not meant for this API.
struct HostMiddleware: RouterMiddleware {
    let rule: HostRule

    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        if let fault = rule.fault(of: request.head) { throw Problem.badRequest(fault) }
        return try await next(request, context)
    }
}
