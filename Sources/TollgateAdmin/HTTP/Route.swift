package import HTTPTypes
import Hummingbird

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

    init(
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
