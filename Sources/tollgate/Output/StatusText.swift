import Foundation
import TollgateAdmin

/// The reply to STATUS as text for people: whether the sidecar is ready, what needs attention, and then the rest.
struct StatusText {
    /// The width of the text in columns, at terminals of at least this width.
    private static let maxColumns = 80
    /// The width of the names of the lines.
    private static let nameWidth = 11

    private let status: JSONValue
    private let now: Date

    /// - Parameter now: The time of the reply, from which ages are counted.
    init(_ status: JSONValue, at now: Date) {
        self.status = status
        self.now = now
    }

    /// The lines of the text.
    func text(on terminal: Terminal) -> String {
        var page = terminal
        page.columns = min(terminal.columns, Self.maxColumns)
        let reasons = texts(status["not_ready"])
        let attention = reasons.map { "not ready: \($0)" } + warnings.map { "warning: \($0)" }
        let lines = lines.filter { !$0.text.isEmpty }.map { name, text in
            name.padding(toLength: Self.nameWidth, withPad: " ", startingAt: 0) + text
        }
        let verdict =
            reasons.isEmpty
            ? terminal.coloured("ready", Self.green) : terminal.coloured("not ready", Self.red)
        return
            ([verdict]
            + attention.flatMap { page.wrapped(JSONValue.printable($0), indent: 2) }
            .map { terminal.coloured($0, Self.amber) }
            + [""] + lines.flatMap { page.wrapped(JSONValue.printable($0), indent: Self.nameWidth) })
            .joined(separator: "\n")
    }

    private static let (green, amber, red) = (32, 33, 31)

    // MARK: - Warnings

    /// The warnings, without those that make the sidecar not ready.
    var warnings: [String] {
        texts(status["redis"]["health"]["warnings"])
            + [
                dataLoss,
                status["redis"]["functions"].text == "yes" ? nil : "Redis denies functions; scripts are slower",
                text(status["policy"]["error"]).map { "the policy file is not in force: \($0)" },
                text(status["prices"]["error"]).map { "the price file is not in force: \($0)" },
                list(status["accounts"]["failing"]).map {
                    "the usage of accounts cannot be read: \($0); see tollgate account list"
                },
                list(status["accounts"]["not_bound"]).map {
                    "accounts are not bound, as others are bound to their providers: \($0)"
                },
                text(status["alerts"]["receivers_error"]).map { "the file of receivers is not in force: \($0)" },
                text(status["clients"]["token_error"]).map { "the token file is not in force: \($0)" },
                text(status["access"]["error"]).map { "the file of --admin-access is not in force: \($0)" },
                list(status["policy"]["differs_from"]).map { "other sidecars have another policy: \($0)" },
                text(status["clients"]["accept_failure"]).map { "no more connections can be accepted: \($0)" },
                text(status["journal"]["error"]).map { "the journal cannot be used: \($0)" },
                count(status["journal"]["rejected"]).map {
                    "Redis has rejected \($0) journal entries; see the table rejected of the journal"
                },
            ].compactMap(\.self)
    }

    private var dataLoss: String? {
        let health = status["redis"]["health"]
        return count(health["data_losses"]).map {
            "Redis has lost its data, number of times: \($0), last at \(health["last_data_loss"].text)"
        }
    }

    // MARK: - Lines

    private var lines: [(name: String, text: String)] {
        [("version", version), ("listens on", addresses), ("Redis", redis), ("policy", policy)]
            + [
                ("prices", prices), ("accounts", accounts), ("decisions", decisions), ("no limit", unlimited),
                ("not named", notNamed),
            ]
            + [("writes", writes), ("errors", errors)]
            + [("clients", clients), ("journal", journal), ("alerts", alerts), ("log level", logLevel)]
    }

    private var version: String {
        joined([
            text(status["version"]), text(status["commit"]).map { "commit \($0)" },
            number(status["uptime_seconds"]).map { "up \(Self.duration($0))" },
            text(status["process_id"]).map { "process \($0)" },
        ])
    }

    private var addresses: String {
        joined([
            list(status["listen"]), text(status["admin"]).map { "admin API \($0)" },
            text(status["metrics"]).map { "metrics \($0)" },
        ])
    }

    private var redis: String {
        let redis = status["redis"]
        let links = texts(redis["links"])
        let ready = links.filter { $0 == "ready" }.count
        return joined([
            text(redis["version"]).map { "version \($0)" }, "\(ready) of \(links.count) links ready",
            text(redis["address"]),
        ])
    }

    private var policy: String {
        let policy = status["policy"]
        let read = text(policy["loaded_at"]).flatMap { try? Date($0, strategy: .iso8601) }
        return joined([
            text(policy["file"]), text(policy["digest"]).map { "digest \($0)" },
            read.map { "read \(Self.duration(Int64(max(now.timeIntervalSince($0), 0)))) ago" },
            text(policy["revision"]).map { "revision \($0)" },
            policy["is_subscribed"] == .bool(true) ? nil : "not subscribed to changes",
        ])
    }

    private var prices: String {
        let prices = status["prices"]
        guard let models = count(prices["models"]) else { return "" }
        return joined([
            "\(models) prices", text(prices["file"]),
            count(prices["unknown_model_requests"]).map { "\($0) requests without a price" },
        ])
    }

    private var accounts: String {
        let accounts = status["accounts"]
        guard let configured = count(accounts["configured"]) else { return "" }
        guard accounts["reads_here"] == .bool(true) else { return "\(configured), read by another sidecar" }
        return joined([
            "\(configured), read by this sidecar", count(accounts["fresh"]).map { "\($0) fresh" },
            count(accounts["stale"]).map { "\($0) not up to date" },
            accounts["failing"].array.isEmpty ? nil : "\(accounts["failing"].array.count) failing",
        ])
    }

    private var decisions: String {
        let counts = named("counts", [("allowed", "allowed"), ("denied", "denied"), ("degraded", "without Redis")])
        return joined([counts, count(status["counts"]["would_deny"]).map { "\($0) refused by shadow limits only" }])
    }

    /// Decisions to which no limit applied, by kind, the most frequent kind first.
    private var unlimited: String {
        let kinds = status["scopes"]["unlimited_decisions"].members.map { ($0.key, number($0.value) ?? 0) }
            .sorted { ($1.1, $0.0) < ($0.1, $1.0) }
        guard !kinds.isEmpty else { return "" }
        return "decisions to which no limit applied, by kind: "
            + kinds.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    }

    /// The kinds with limits that no request has named, perhaps because callers use another kind.
    private var notNamed: String {
        list(status["scopes"]["limited_kinds_not_named"]).map {
            "kinds with limits that no request has named: \($0)"
        } ?? ""
    }

    private var writes: String {
        named("counts", [("applied", "applied"), ("duplicates", "repeated"), ("queued", "written to the journal")])
    }

    private var errors: String {
        named("counts", [("errors", "errors"), ("shed", "refused as busy")])
    }

    private var clients: String {
        let clients = status["clients"]
        return joined([
            "\(status["counts"]["connections"].text) of \(clients["max"].text) connections",
            count(clients["refused"]).map { "\($0) refused" },
            count(clients["wrong_tokens"]).map { "\($0) wrong tokens" },
            count(clients["foreign"]).map { "\($0) with another protocol" },
        ])
    }

    private var journal: String {
        let journal = status["journal"]
        guard journal != .null else { return "none" }
        guard let operations = count(journal["operations"]) else { return "empty" }
        return joined([
            "\(operations) operations wait for Redis",
            number(journal["oldest_seconds"]).map { "the oldest for \(Self.duration($0))" },
            "\(journal["replayed_per_second"].text) replayed a second",
        ])
    }

    /// The level, if it differs from the usual one.
    private var logLevel: String {
        let log = status["log"]
        guard let level = text(log["level"]), level != "info" || log["until"] != .null else { return "" }
        return joined([level, text(log["until"]).map { "until \($0)" }, text(log["next_level"]).map { "then \($0)" }])
    }

    private var alerts: String {
        joined([
            status["alerts"]["is_subscribed"] == .bool(true) ? "subscribed to new ones" : "not subscribed",
            "\(status["counts"]["alert_subscribers"].text) subscribers",
        ])
    }
}

// MARK: - Values

extension StatusText {
    private func text(_ value: JSONValue) -> String? { value == .null ? nil : value.text }

    private func texts(_ value: JSONValue) -> [String] { value.array.map(\.text) }

    private func list(_ value: JSONValue) -> String? {
        value.array.isEmpty ? nil : texts(value).joined(separator: ", ")
    }

    private func number(_ value: JSONValue) -> Int64? { if case .integer(let number) = value { number } else { nil } }

    /// The number as text; nil for none and for zero.
    private func count(_ value: JSONValue) -> String? { number(value).flatMap { $0 == 0 ? nil : "\($0)" } }

    private func joined(_ parts: [String?]) -> String { parts.compactMap(\.self).joined(separator: ", ") }

    /// The members of a group with their names: `3 allowed, 0 denied`.
    private func named(_ group: String, _ names: [(key: String, name: String)]) -> String {
        joined(names.map { key, name in text(status[group][key]).map { "\($0) \(name)" } })
    }

    /// A duration in its two largest units: `3 d 4 h`, `12 s`.
    static func duration(_ seconds: Int64) -> String {
        let units: [(Int64, String)] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")]
        guard let first = units.firstIndex(where: { seconds >= $0.0 }) else { return "0 s" }
        let (large, name) = units[first]
        let whole = "\(seconds / large) \(name)"
        guard first + 1 < units.count, seconds % large >= units[first + 1].0 else { return whole }
        return "\(whole) \(seconds % large / units[first + 1].0) \(units[first + 1].1)"
    }
}
