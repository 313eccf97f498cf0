import HTTPTypes
import Hummingbird

/// Turns what no route has taken into problems, and adds what every response carries.
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
        // Answers hold what is so at this moment, and who may see it depends on the token.
        response.headers[.cacheControl] = "no-store"
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }

    /// The path is not known, or not with this method.
    private func unrouted(_ request: Request) -> Problem {
        let methods = routes.filter { $0.matches(path: request.uri.path) }.map(\.method)
        guard !methods.isEmpty else { return .notFound("no such path; GET /openapi.json lists them") }
        var names = methods.map(\.rawValue)
        if methods.contains(.get) { names.append("HEAD") }
        let allowed = names.sorted().joined(separator: ", ")
        var problem = Problem(.methodNotAllowed, "expected \(allowed)")
        problem.headers[.allow] = allowed
        return problem
    }
}
