import NIOCore
package import TollgateRedis

/// The settings of a Redis that can cause data loss. Pure.
package struct RedisServerSettings {
    private var fields: [Substring: Substring] = [:]
    /// The schedule of snapshots; empty for none, nil if Redis does not report it.
    private var snapshots: String?

    /// Reads the replies to `INFO` and `CONFIG GET save`. Redis may refuse the second.
    package init(info: String, saving: RedisReply) {
        for line in info.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon]] = line[line.index(after: colon)...]
        }
        if case .array(let items) = saving, items.count == 2, case .bulk(let value) = items[1] {
            snapshots = String(buffer: value)
        }
    }

    /// The settings that can lose counters, each with a warning for the operator.
    var findings: [RedisRisk.Finding] {
        [(RedisRisk.eviction, eviction), (.persistence, persistence), (.replica, role)].compactMap { risk, sentence in
            sentence.map { RedisRisk.Finding(risk: risk, sentence: $0) }
        }
    }

    /// Returns a field of INFO; nil if Redis does not report it.
    package subscript(field: String) -> String? { fields[field[...]].map { String($0) } }

    /// The warning about evicted keys; nil if Redis evicts none.
    package var eviction: String? {
        guard let policy = fields["maxmemory_policy"], policy != "noeviction" else { return nil }
        return
            "Redis's maxmemory-policy is \(policy): counters may be evicted, and limits then admit too much; set noeviction"
    }

    /// The warning about writes that a crash or a restart loses.
    package var persistence: String? {
        guard fields["aof_enabled"] == "0" else { return nil }
        return switch snapshots {
        case "": "Redis has no persistence: a restart loses every counter; set appendonly yes"
        case nil: "Redis has no append-only file: a crash loses the latest writes; set appendonly yes"
        default: "Redis has only snapshots: a crash loses the writes since the last one; set appendonly yes"
        }
    }

    /// The warning about a replica, which refuses writes.
    package var role: String? {
        guard fields["role"] == "slave" else { return nil }
        return "Redis is a replica; configure the address of the primary"
    }
}
