import Foundation
import TollgateCore
import TollgatePolicy

/// The reply to INFO: the fields of STATUS in the format of Redis's INFO, so that Redis clients and exporters parse it.
///
/// A key is the path of the field in STATUS, joined by `_`, or Redis's own key where that has the same meaning. A list
/// becomes its length and a key for each item, `not_ready:1` and `not_ready_0:…`. Fields without a value have no key.
enum InfoText {
    /// Makes sections of `key:value` lines, separated by blank lines. Lines end with CRLF.
    static func make(_ report: InfoReport) throws -> String {
        let json = try CanonicalJSON.text(report, keys: .snakeCase)
        let root = try JSONDecoder().decode(Field.self, from: Data(json.utf8))
        var sections: [String: [(key: String, value: String)]] = [:]
        func add(_ value: String, _ path: [String], _ item: String) {
            let place = InfoKey(path)
            sections[place.section, default: []].append((place.key + item, PlainText.oneLine(value)))
        }
        root.forEachLeaf(add)
        for (path, value) in derived(report) { add(value, path, "") }
        let extra = sections.keys.filter { !InfoKey.sections.contains($0) }.sorted()
        return (InfoKey.sections + extra).compactMap { name in
            sections[name].map { fields in
                "# \(name)\r\n" + fields.sorted { $0.key < $1.key }.map { "\($0.key):\($0.value)\r\n" }.joined()
            }
        }.joined(separator: "\r\n")
    }

    /// Keys of Redis that follow from the report's fields.
    private static func derived(_ report: InfoReport) -> [(path: [String], value: String)] {
        let counts = report.counts
        let answered =
            counts.allowed + counts.denied + counts.degraded + counts.applied + counts.duplicates + counts.queued
            + counts.errors
        var derived = [
            (["counts", "total_commands_processed"], "\(answered)"),
            // Redis clients wait for this before they send commands. The sidecar answers them at any time.
            (["journal", "loading"], "0"),
        ]
        if let port = report.listen.lazy.compactMap({ $0.split(separator: ":").last.flatMap { Int($0) } }).first {
            derived.append((["tcp_port"], "\(port)"))
        }
        return derived
    }
}

/// The section and the key of a field in INFO.
private struct InfoKey {
    var section: String
    var key: String

    /// The order of the sections. Others follow in alphabetical order.
    static let sections = [
        "Server", "Clients", "Persistence", "Stats", "Redis", "Policy", "Prices", "Accounts", "Alerts",
    ]

    /// The sections of the groups that do not have one of their own name.
    private static let sectionsOfGroups = ["journal": "Persistence", "counts": "Stats"]

    /// The fields whose section or key does not follow from their path.
    private static let named: [[String]: InfoKey] = [
        ["version"]: InfoKey("Server", "tollgate_version"),
        ["commit"]: InfoKey("Server", "tollgate_commit"),
        ["uptime_seconds"]: InfoKey("Server", "uptime_in_seconds"),
        ["cache_hit_rate"]: InfoKey("Stats", "cache_hit_rate"),
        // Not redis_version, which clients take for the version of the server that they speak to.
        ["redis", "version"]: InfoKey("Redis", "redis_server_version"),
        ["clients", "max"]: InfoKey("Clients", "maxclients"),
        ["clients", "refused"]: InfoKey("Stats", "rejected_connections"),
        ["counts", "connections"]: InfoKey("Clients", "connected_clients"),
        ["counts", "alert_subscribers"]: InfoKey("Clients", "alert_subscribers"),
        ["counts", "total_commands_processed"]: InfoKey("Stats", "total_commands_processed"),
        ["counts", "errors"]: InfoKey("Stats", "total_error_replies"),
        ["counts", "allowed"]: InfoKey("Stats", "decisions_allowed"),
        ["counts", "denied"]: InfoKey("Stats", "decisions_denied"),
        ["counts", "would_deny"]: InfoKey("Stats", "decisions_would_deny"),
        ["counts", "degraded"]: InfoKey("Stats", "decisions_degraded"),
        ["counts", "shed"]: InfoKey("Stats", "requests_shed"),
        ["counts", "applied"]: InfoKey("Stats", "writes_applied"),
        ["counts", "duplicates"]: InfoKey("Stats", "writes_duplicate"),
        ["counts", "queued"]: InfoKey("Stats", "writes_queued"),
        ["counts", "operations"]: InfoKey("Stats", "operations_sent"),
        ["counts", "batches"]: InfoKey("Stats", "batches_sent"),
        ["journal", "loading"]: InfoKey("Persistence", "loading"),
    ]

    init(_ path: [String]) {
        if let named = Self.named[path] {
            self = named
        } else if path.count == 1 {
            self.init("Server", path[0])
        } else {
            // Counts are distinct without the name of their group.
            let words = path[0] == "counts" ? path.dropFirst() : path[...]
            self.init(Self.sectionsOfGroups[path[0]] ?? path[0].capitalized, words.joined(separator: "_"))
        }
    }

    private init(_ section: String, _ key: String) {
        self.section = section
        self.key = key
    }
}

/// A value of the report's JSON.
private enum Field: Decodable {
    case group([String: Field])
    case list([Field])
    case leaf(String)

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if let truth = try? value.decode(Bool.self) {
            self = .leaf(truth ? "1" : "0")
        } else if let number = try? value.decode(Int64.self) {
            self = .leaf("\(number)")
        } else if let number = try? value.decode(Double.self) {
            self = .leaf("\(number)")
        } else if let text = try? value.decode(String.self) {
            self = .leaf(text)
        } else if let items = try? value.decode([Field].self) {
            self = .list(items)
        } else {
            self = .group(try value.decode([String: Field].self))
        }
    }

    /// Calls a body with each value, its path, and the end of its key within a list.
    func forEachLeaf(
        path: [String] = [], item: String = "",
        _ body: (_ value: String, _ path: [String], _ item: String) -> Void
    ) {
        switch self {
        case .leaf(let text): body(text, path, item)
        case .list(let items):
            body("\(items.count)", path, item)
            for (index, value) in items.enumerated() { value.forEachLeaf(path: path, item: "\(item)_\(index)", body) }
        case .group(let members):
            for (key, value) in members {
                if item.isEmpty {
                    value.forEachLeaf(path: path + [key], body)
                } else {
                    value.forEachLeaf(path: path, item: "\(item)_\(key)", body)
                }
            }
        }
    }
}
