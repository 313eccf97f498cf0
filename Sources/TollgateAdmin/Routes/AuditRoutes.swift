import Foundation
import Hummingbird
import TollgateCore
import TollgateLedger
import TollgateStores

/// The route `/v1/audit`: the changes by administrators.
struct AuditRoutes {
    let api: AdminAPI

    var routes: [Route] { [Route(.get, "/v1/audit", .read, list)] }

    private struct EntryView: Encodable {
        var entry: AuditEntry
        var moneyUnit: MoneyUnit

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
            try container.encode(json(entry.before), forKey: .before)
            try container.encode(json(entry.after), forKey: .after)
            try container.encode(entry.revision, forKey: .version)
        }

        private func json(_ text: String?) -> JSONValue {
            guard let text else { return .null }
            guard let value = try? JSONValue(parsing: Data(text.utf8)) else { return .string(text) }
            return entry.action == "scope.reset" ? withMoney(value) : value
        }

        /// Returns the counters of a reset with decimal text for money. The entry has the counters as Redis stores them.
        private func withMoney(_ counters: JSONValue) -> JSONValue {
            guard case .object(let members) = counters else { return counters }
            let texts = members.map { name, value in
                guard name.hasPrefix("\(Meter.cost.name)/"), case .integer(let amount) = value else {
                    return (name, value)
                }
                return (name, JSONValue.string(moneyUnit.text(amount)))
            }
            return .object(Dictionary(uniqueKeysWithValues: texts))
        }
    }

    private func list(_ request: AdminRequest) async throws -> Response {
        let query = try request.query("cursor", "limit")
        let page = try await api.store.auditLog.entries(before: query.cursor, atMost: try query.limit())
        return .json(
            PageView(items: page.items.map { EntryView(entry: $0, moneyUnit: api.moneyUnit) }, next: page.next))
    }
}
