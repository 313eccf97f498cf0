package import HTTPTypes
package import Hummingbird
import Logging
import TollgateServer

/// Builds the router, with authorization for each route and a problem document for each error.
enum AdminRouter {
    static func make(
        _ routes: [Route], _ pages: BrowserPages?, _ authenticator: Authenticator, _ settings: AdminSettings,
        _ connections: OpenConnections, logger: Logger
    ) -> Router<AdminContext> {
        let router = Router(context: AdminContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: ProblemMiddleware(routes: routes, pages: pages))
        // Metrics beyond loopback need a token, which no web page has, and their scraper knows them by any name.
        if settings.option == .admin || settings.address.isLocal {
            router.add(middleware: HostMiddleware(rule: HostRule(settings.address, names: settings.hosts)))
        }
        for route in routes {
            router.on(RouterPath(route.path), method: route.method) { request, context in
                guard route.isHealth || connections.hasRoom(for: context.channel) else { throw Problem.noCapacity }
                let identity = try await authenticator.authenticate(
                    request.headers[.authorization], context.address, route)
                let admitted = AdminRequest(
                    request: request, parameters: context.parameters, identity: identity, address: context.address,
                    channel: context.channel)
                do throws(Problem) {
                    return try await route.respond(to: admitted, logger)
                } catch {
                    return error.response
                }
            }
        }
        return router
    }
}

extension Route {
    /// Runs the handler, and logs its outcome.
    func respond(to request: AdminRequest, _ logger: Logger) async throws(Problem) -> Response {
        let outcome: Result<Response, Problem>
        do {
            outcome = .success(try await handler(request))
        } catch {
            let problem = Problem(error)
            if problem.code == .internal {
                logger.error("admin API: \(problem.detail)", metadata: ["path": "\(path)", "error": "\(error)"])
            }
            outcome = .failure(problem)
        }
        let status =
            switch outcome {
            case .success(let response): response.status
            case .failure(let problem): problem.code.status
            }
        let isChange = isChange && status.kind == .successful
        logger.log(
            level: isChange ? .info : .debug, isChange ? "change made" : "request answered",
            metadata: [
                "who": "\(request.identity?.name ?? "-")", "from": "\(request.address)",
                "method": "\(method.rawValue)",
                "path": "\(LogText.encoded(request.request.uri.path.prefix(512)))",
                "status": "\(status.code)",
            ])
        return try outcome.get()
    }
}

/// An operation of the API, as the router registers it.
package struct Route: Sendable {
    /// The permission that a route requires.
    package enum Permission: Sendable, CaseIterable {
        /// No token.
        case open
        /// The role of viewers or administrators.
        case read
        /// The role of callers or administrators.
        case call
        /// The role of callers, viewers or administrators.
        case usage
        /// The role of metrics, viewers or administrators. On loopback and Unix sockets, no token.
        case metrics
        /// The role of administrators.
        case administer
    }

    package let method: HTTPRequest.Method
    /// The path, with parameters in braces: `/v1/tiers/{id}`.
    package let path: String
    package let permission: Permission
    /// Whether a successful response means that an administrator has changed something.
    let isChange: Bool
    let handler: @Sendable (AdminRequest) async throws -> Response

    package init(
        _ method: HTTPRequest.Method, _ path: String, _ permission: Permission, isChange: Bool? = nil,
        _ handler: @escaping @Sendable (AdminRequest) async throws -> Response
    ) {
        self.method = method
        self.path = path
        self.permission = permission
        self.isChange = isChange ?? (permission == .administer)
        self.handler = handler
    }

    /// Whether the route is a health check, which is served even when all connections are busy.
    var isHealth: Bool { path == "/healthz" || path == "/readyz" }

    /// Returns whether a path matches this route, with any parameters.
    func matches(path: String) -> Bool {
        let words = path.split(separator: "/", omittingEmptySubsequences: false)
        let pattern = self.path.split(separator: "/", omittingEmptySubsequences: false)
        return words.count == pattern.count
            && zip(words, pattern).allSatisfy { $1.hasPrefix("{") ? !$0.isEmpty : $0 == $1 }
    }
}

/// Converts unrouted requests and errors into problems, and adds headers to every response.
struct ProblemMiddleware: RouterMiddleware {
    let routes: [Route]
    let pages: BrowserPages?

    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            response = await unroutedResponse(request, context)
        } catch {
            response = Problem(error).response
        }
        // Responses are current only at this moment, and depend on the token; all but assets of the dashboard.
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }

    /// Returns a page to a browser, and a problem document to other clients.
    private func unroutedResponse(_ request: Request, _ context: AdminContext) async -> Response {
        let problem = unrouted(request)
        guard let pages, request.headers[.accept]?.contains("text/html") == true else { return problem.response }
        let visit = AdminRequest(
            request: request, parameters: context.parameters, identity: nil, address: context.address,
            channel: context.channel)
        return await pages.problemPage(problem, visit)
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
