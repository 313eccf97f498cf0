package import HTTPTypes
import Hummingbird

/// One operation of the API: what the router registers, and what is listed.
package struct Route: Sendable {
    /// Who may use it.
    package enum Permission: Sendable, CaseIterable {
        /// Everyone, without a token.
        case open
        /// Viewers and administrators.
        case read
        /// Callers and administrators.
        case call
        /// Administrators.
        case administer
    }

    package let method: HTTPRequest.Method
    /// With parameters in braces: `/v1/tiers/{id}`.
    package let path: String
    package let permission: Permission
    /// Whether a success is a change that an administrator has made.
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

    /// True for what is served even where there is no room for anything else.
    var isHealth: Bool { path == "/healthz" || path == "/readyz" }

    /// Whether a path is one of this route's, whatever its parameters.
    func matches(path: String) -> Bool {
        let words = path.split(separator: "/", omittingEmptySubsequences: false)
        let pattern = self.path.split(separator: "/", omittingEmptySubsequences: false)
        return words.count == pattern.count
            && zip(words, pattern).allSatisfy { $1.hasPrefix("{") ? !$0.isEmpty : $0 == $1 }
    }
}
