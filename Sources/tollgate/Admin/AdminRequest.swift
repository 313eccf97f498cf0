import Foundation
import TollgateAdmin

/// A request to the admin API.
struct AdminRequest {
    enum Method: String {
        case get = "GET"
        case put = "PUT"
        case post = "POST"
        case delete = "DELETE"
    }

    var method: Method
    /// The path and the query.
    var path: String
    /// The body as JSON.
    var body: String?
    /// The precondition: a header's name and value.
    var condition: (name: String, value: String)?

    /// Creates a request.
    ///
    /// - Parameter segments: The segments of the path, unencoded.
    init(_ method: Method, _ segments: String..., query: [(String, String)] = [], body: String? = nil) {
        self.init(method, path: segments, query: query, body: body)
    }

    private init(_ method: Method, path segments: [String], query: [(String, String)], body: String?) {
        self.method = method
        self.body = body
        path = segments.map { "/" + Self.encoded($0, allowing: ":") }.joined()
        if !query.isEmpty {
            path += "?" + query.map { "\($0)=\(Self.encoded($1, allowing: ":,"))" }.joined(separator: "&")
        }
    }

    /// Creates the request for a page of a list under `/v1`.
    ///
    /// - Parameters:
    ///   - query: The filters. Those that are nil are left out.
    ///   - count: The maximum number of items, as the parameter `size`.
    ///   - cursor: The `next` of the page before; nil for the first page.
    static func page(
        _ segments: String..., query: [(String, String?)] = [], size: String = "limit", of count: Int,
        after cursor: String?
    ) -> AdminRequest {
        let query = query + [(size, "\(count)"), ("cursor", cursor)]
        return AdminRequest(
            .get, path: ["v1"] + segments, query: query.compactMap { key, value in value.map { (key, $0) } }, body: nil)
    }

    /// Returns the request with an If-Match precondition. The ETag `"0"` means that nothing exists.
    func matching(_ etag: String) -> AdminRequest {
        var request = self
        request.condition = etag == "\"0\"" ? ("If-None-Match", "*") : ("If-Match", etag)
        return request
    }

    /// Percent-encodes everything but letters, digits, `-._~` and the given characters.
    static func encoded(_ text: some StringProtocol, allowing allowed: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                if "-._~".utf8.contains(byte) || allowed.utf8.contains(byte) {
                    result.unicodeScalars.append(Unicode.Scalar(byte))
                } else {
                    let digits = String(byte, radix: 16, uppercase: true)
                    result += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
                }
            }
        }
        return result
    }
}

/// A response of the admin API.
struct AdminReply {
    var status: UInt
    /// The ETag, with its quotes.
    var etag: String?
    var body: Data

    var isSuccess: Bool { (200..<300).contains(status) }

    /// Parses the body. Returns null if there is none. Throws an error if it is not JSON.
    func value() throws -> JSONValue {
        guard !body.isEmpty else { return .null }
        do {
            return try JSONDecoder().decode(JSONValue.self, from: body)
        } catch {
            throw AdminFailure(["the response is not JSON; is this Tollgate's admin API?"])
        }
    }
}

/// Error sentences, one per line.
struct AdminFailure: Error, Equatable, CustomStringConvertible {
    var lines: [String]
    /// Whether the resource does not exist.
    var isNotFound = false

    init(_ lines: [String]) {
        self.lines = lines
    }

    /// Describes a response that is not a success.
    init(_ reply: AdminReply, from address: AdminAddress, token: AdminClientToken) {
        guard let problem = try? reply.value(), let title = problem["title"].string else {
            lines = [
                "\(address.base) replied with status \(reply.status); is this Tollgate's admin API? "
                    + "It listens on 127.0.0.1:7380 by default"
            ]
            return
        }
        let detail = problem["detail"].string ?? title
        let fields = problem["errors"].array.map { error in
            let field = error["field"].string ?? ""
            return field.isEmpty ? error["message"].text : "\(field): \(error["message"].text)"
        }
        lines = [detail] + fields.filter { $0 != detail }
        isNotFound = problem["code"].string == "not_found"
        if reply.status == 401 {
            lines.append(
                "The token is from \(token.source), and the sidecar at \(address.base) has another one: "
                    + "name the file admin-token of that sidecar's data folder with --admin-token-file.")
        }
        if reply.status == 412 { lines.append("it has been changed meanwhile: read it again, then retry") }
    }

    var description: String { lines.map(JSONValue.printable).joined(separator: "\n") }
}
