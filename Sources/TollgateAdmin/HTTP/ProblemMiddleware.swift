import HTTPTypes
import Hummingbird

/// Converts unrouted requests and errors into problems, and adds headers to every response.
struct ProblemMiddleware: RouterMiddleware {
    let routes: [Route]

    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            response = unrouted(request).response
        } catch {
            response = Problem(error).response
        }
        // Responses are current only at this moment, and depend on the token.
        response.headers[.cacheControl] = "no-store"
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }

    /// Returns 404 for an unknown path, and 405 for an unknown method.
    private func unrouted(_ request: Request) -> Problem {
        let methods = routes.filter { $0.matches(path: request.uri.path) }.map(\.method)
        guard !methods.isEmpty else { return .notFound("no such path; GET /openapi.json lists all paths") }
        var names = methods.map(\.rawValue)
        if methods.contains(.get) { names.append("HEAD") }
        let allowed = names.sorted().joined(separator: ", ")
        var problem = Problem(.methodNotAllowed, "expected \(allowed)")
        problem.headers[.allow] = allowed
        return problem
    }
}
