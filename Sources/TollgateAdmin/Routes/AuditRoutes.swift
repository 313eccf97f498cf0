import Foundation
import Hummingbird
import TollgateLedger
import TollgateStores

/// The route `/v1/audit`: the changes by administrators.
struct AuditRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.get, "/v1/audit", .read, list)] }

    private struct EntryView: Encodable {
        var entry: AuditEntry

        enum CodingKeys: String, CodingKey {
            case id, at, who, from, action, target, before, after, version
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(entry.id, forKey: .id)
            try container.encode(Instant.text(milliseconds: entry.at), forKey: .at)
            try container.encode(entry.author.name, forKey: .who)
            try container.encode(entry.author.address, forKey: .from)
            try container.encode(entry.action, forKey: .action)
            try container.encode(entry.target, forKey: .target)
            try container.encode(Self.json(entry.before), forKey: .before)
            try container.encode(Self.json(entry.after), forKey: .after)
            try container.encode(entry.revision, forKey: .version)
        }

        private static func json(_ text: String?) -> JSONValue {
            guard let text else { return .null }
            return (try? JSONValue(parsing: Data(text.utf8))) ?? .string(text)
        }
    }

    private func list(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("cursor", "limit")
        let page = try await api.store.auditLog.entries(before: query.cursor, atMost: try query.limit())
        return .json(PageView(items: page.items.map(EntryView.init), next: page.next))
    }
}
