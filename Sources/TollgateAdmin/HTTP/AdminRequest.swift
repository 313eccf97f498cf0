import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import TollgateCore
import TollgateLedger
import TollgateStores

/// A request that was let in, as the routes see it.
struct AdminRequest {
    /// The most bytes of a body: 1 MiB.
    static let maxBytes = 1 << 20

    let request: Request
    let parameters: Parameters
    /// Nil on routes that are open to everyone.
    let identity: Identity?
    let address: String
    /// The connection that it came on.
    let channel: any Channel

    /// As the audit log has who made a change.
    var author: Author { Author(name: identity?.name ?? "", address: address) }

    func query(_ allowed: String...) throws(Problem) -> Query {
        try Query(request.uri.query, allowed: allowed)
    }

    func condition() throws(Problem) -> EditCondition { try EditCondition(request.headers) }

    /// A part of the path, decoded.
    func parameter(_ name: String) throws(Problem) -> String {
        guard let text = PercentText.decoded(parameters.get(name) ?? "") else {
            throw .badRequest("\(name): is not percent-encoded UTF-8")
        }
        return text
    }

    /// The scope that the path names.
    func scope() throws(Problem) -> Scope {
        try Query.scope(try parameter("scope"), "scope")
    }

    /// The body, which has to be JSON if its type is named.
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

    /// The same for a part of a policy, which is read by the rules of the policy file: those know nothing of a key that is named
    /// twice.
    func policyPart() async throws -> Data {
        let data = try await json()
        guard (try? JSONValue(parsing: data)) != nil else { throw Problem.notJSON }
        return data
    }

    /// The body, of whatever type.
    func body() async throws -> Data {
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > Self.maxBytes {
            throw Problem.bodyTooLarge
        }
        // Once it is known that it is wanted.
        channel.triggerUserOutboundEvent(ConnectionDeadline.SendBody(), promise: nil)
        let buffer = try await request.body.collect(upTo: Self.maxBytes)
        return Data(buffer.readableBytesView)
    }
}
