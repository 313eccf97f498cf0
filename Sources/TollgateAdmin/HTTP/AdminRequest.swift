package import Foundation
import HTTPTypes
package import Hummingbird
import NIOCore
import TollgateCore
import TollgateLedger
import TollgateStores
import TollgateWire

/// An authorized request, as routes receive it.
package struct AdminRequest: Sendable {
    /// The maximum size of a body: 1 MiB.
    package static let maxBytes = 1 << 20

    package let request: Request
    let parameters: Parameters
    /// The authenticated sender. Nil on open routes.
    package let identity: Identity?
    /// The client's IP address, or `unix`.
    package let address: String
    /// The connection of the request. Nil for a request from this process.
    let channel: (any Channel)?

    /// The author of changes, for the audit log.
    var author: Author { Author(name: identity?.name ?? "", address: address) }

    func query(_ allowed: String...) throws(Problem) -> Query {
        try Query(request.uri.query, allowed: allowed)
    }

    func condition() throws(Problem) -> EditCondition { try EditCondition(request.headers) }

    /// Returns a path parameter, decoded.
    package func parameter(_ name: String) throws(Problem) -> String {
        guard let text = (parameters.get(name) ?? "").removingPercentEncoding else {
            throw .badRequest("\(name): expected percent-encoded UTF-8")
        }
        return text
    }

    /// Returns the scope in the path.
    func scope() throws(Problem) -> Scope {
        try Query.scope(try parameter("scope"), "scope")
    }

    /// Returns the body. Throws a `Problem` if its Content-Type is not JSON.
    func json() async throws -> Data {
        if let type = request.headers[.contentType] {
            let name = type.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
            guard name == "application/json" else {
                throw Problem(
                    .unsupportedMediaType, "expected Content-Type: application/json, found \(name.prefix(64))")
            }
        }
        return try await body()
    }

    /// Returns the body if it is valid JSON without duplicate keys. The reader of the policy file does not detect
    /// duplicates.
    func policyPart() async throws -> Data {
        let data = try await json()
        do throws(JSONParser.Fault) {
            _ = try JSONValue(parsing: data)
        } catch {
            throw Problem.notJSON(error)
        }
        return data
    }

    /// Returns the body, of any type.
    package func body() async throws -> Data {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > Self.maxBytes {
            throw Problem.bodyTooLarge
        }
        // Sends 100 Continue only now, when the route needs the body.
        channel?.triggerUserOutboundEvent(ConnectionDeadline.SendContinue(), promise: nil)
        let buffer = try await request.body.collect(upTo: Self.maxBytes)
        return Data(buffer.readableBytesView)
    }
}

/// The context of a request in the router.
package struct AdminContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The connection of the request.
    let channel: any Channel
    /// The client's IP address, or `unix`.
    let address: String

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
        address = source.channel.remoteAddress?.ipAddress ?? "unix"
    }
}
