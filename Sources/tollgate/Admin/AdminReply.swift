import Foundation
import TollgateAdmin

/// What the admin API answered.
struct AdminReply {
    var status: UInt
    /// As it came, with the quotes.
    var etag: String?
    var body: Data

    var isSuccess: Bool { (200..<300).contains(status) }

    /// Null where there is no body. Throws a sentence on what is not JSON.
    func value() throws -> JSONValue {
        guard !body.isEmpty else { return .null }
        do {
            return try JSONDecoder().decode(JSONValue.self, from: body)
        } catch {
            throw AdminFailure(["the answer is not JSON; is that the admin API of Tollgate?"])
        }
    }
}

/// What went wrong, for people: one sentence a line.
struct AdminFailure: Error, Equatable, CustomStringConvertible {
    var lines: [String]

    init(_ lines: [String]) {
        self.lines = lines
    }

    /// From an answer that is not a success.
    init(_ reply: AdminReply, from address: AdminAddress) {
        guard let problem = try? reply.value(), let title = problem["title"].string else {
            lines = ["\(address.base) answered with status \(reply.status); is that the admin API of Tollgate?"]
            return
        }
        let detail = problem["detail"].string ?? title
        let fields = problem["errors"].array.map { error in
            let field = error["field"].string ?? ""
            return field.isEmpty ? error["message"].text : "\(field): \(error["message"].text)"
        }
        lines = [detail] + fields.filter { $0 != detail }
        if reply.status == 412 { lines.append("somebody else has changed it meanwhile: look at it, then try again") }
    }

    var description: String { lines.map(JSONValue.printable).joined(separator: "\n") }
}
