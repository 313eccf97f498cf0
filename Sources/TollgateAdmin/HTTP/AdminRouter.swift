import HTTPTypes
import Hummingbird
import Logging

/// Builds the router, with authorization for each route and a problem document for each error.
enum AdminRouter {
    static func make(
        _ api: AdminAPI, _ settings: AdminSettings, _ connections: OpenConnections, logger: Logger
    ) -> Router<AdminContext> {
        let router = Router(context: AdminContext.self, options: .autoGenerateHeadEndpoints)
        let routes = api.routes
        let authenticator = Authenticator(settings.access, logger: logger)
        router.add(middleware: ProblemMiddleware(routes: routes))
        router.add(middleware: HostMiddleware(rule: HostRule(settings.address, names: settings.hosts)))
        for route in routes {
            router.on(RouterPath(route.path), method: route.method) { request, context in
                guard route.isHealth || connections.hasRoom(for: context.channel) else { throw Problem.crowded }
                let identity = try await authenticator.admit(request.headers[.authorization], context.address, route)
                let admitted = AdminRequest(
                    request: request, parameters: context.parameters, identity: identity, address: context.address,
                    channel: context.channel)
                return await respond(to: admitted, route, logger)
            }
        }
        return router
    }

    private static func respond(to request: AdminRequest, _ route: Route, _ logger: Logger) async -> Response {
        let response: Response
        do {
            response = try await route.handler(request)
        } catch {
            let problem = Problem(error)
            if problem.code == .internal {
                logger.error("admin API: \(problem.detail)", metadata: ["path": "\(route.path)", "error": "\(error)"])
            }
            response = problem.response
        }
        let isChange = route.isChange && response.status.kind == .successful
        logger.log(
            level: isChange ? .info : .debug, isChange ? "change made" : "request answered",
            metadata: [
                "who": "\(request.identity?.name ?? "-")", "from": "\(request.address)",
                "method": "\(route.method.rawValue)",
                "path": "\(LogText.encoded(request.request.uri.path.prefix(512)))",
                "status": "\(response.status.code)",
            ])
        return response
    }
}
