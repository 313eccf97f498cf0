import Foundation
import TollgateAdmin

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
            throw AdminFailure(["the answer is not JSON; is that the admin API of Tollgate?"])
        }
    }
}

/// Error sentences, one per line.
struct AdminFailure: Error, Equatable, CustomStringConvertible {
    var lines: [String]

    init(_ lines: [String]) {
        self.lines = lines
    }

    /// Describes a response that is not a success.
    init(_ reply: AdminReply, from address: AdminAddress) {
        guard let problem = try? reply.value(), let title = problem["title"].string else {
            lines = ["\(address.base) replied with status \(reply.status); is this Tollgate's admin API?"]
            return
        }
        let detail = problem["detail"].string ?? title
        let fields = problem["errors"].array.map { error in
            let field = error["field"].string ?? ""
            return field.isEmpty ? error["message"].text : "\(field): \(error["message"].text)"
        }
        lines = [detail] + fields.filter { $0 != detail }
        if reply.status == 412 { lines.append("it has been changed meanwhile: read it again, then retry") }
    }

    var description: String { lines.map(JSONValue.printable).joined(separator: "\n") }
}
