import Foundation
import Testing
import TollgateCore
import TollgateServer
import TollgateStores
import TollgateTestSupport

@testable import TollgateAdmin

/// `GET /metrics`: what it says, to whom, and in which format.
@Suite("Metrics")
struct MetricsTests {
    private static let policy = """
        currency: USD
        history: [user, provider]
        defaults:
          user: { requests: { 1m: 2 }, cost: { day: 100 } }
          tool: { requests: { 1m: { max: 1, mode: shadow } } }
        scopes: { "user:blocked": { requests: { day: 0 } } }
        """

    @Test("counts answers by verb, by outcome, and by the limit that denied; all agree with INFO")
    func counts() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let client = try admin.lineClient()
            func ask(_ line: String) async throws -> String { try await client.ask(line)[0] }
            for _ in 0..<4 { _ = try await ask("CHECK user=a tool=t") }
            _ = try await ask("PEEK user=a")
            _ = try await ask("CHECK user=blocked")
            _ = try await ask("CHECK user=b cost=none")
            _ = try await ask("NONSENSE user=b")
            for id in ["1", "1", "2"] { _ = try await ask("RECORD user=b provider=p tokens=7 cost=1.5 id=\(id)") }
            _ = try await ask("REFUND user=b cost=0.5")
            let reserved = try await ask("RESERVE user=b cost=2")
            let token = try #require(reserved.split(separator: " ").first { $0.hasPrefix("reservation=") })
            _ = try await ask("COMMIT \(token) cost=1.25")

            let metrics = try await Self.read(admin)
            let expected: [String: Double] = [
                #"tollgate_decisions_total{verb="check",decision="allow"}"#: 2,
                #"tollgate_decisions_total{verb="check",decision="deny",reason="rate_limited",kind="user",limit="requests/1m"}"#:
                    2,
                #"tollgate_decisions_total{verb="peek",decision="deny",reason="rate_limited",kind="user",limit="requests/1m"}"#:
                    1,
                #"tollgate_decisions_total{verb="check",decision="deny",reason="blocked",kind="user",limit="requests/day"}"#:
                    1,
                #"tollgate_decisions_total{verb="reserve",decision="allow"}"#: 1,
                #"tollgate_would_deny_total{kind="tool",limit="requests/1m"}"#: 1,
                "tollgate_decisions_would_deny_total": 1,
                #"tollgate_errors_total{code="bad_request"}"#: 1,
                #"tollgate_errors_total{code="unknown_verb"}"#: 1,
                #"tollgate_writes_applied_total{verb="record"}"#: 2,
                #"tollgate_writes_applied_total{verb="refund"}"#: 1,
                #"tollgate_writes_applied_total{verb="commit"}"#: 1,
                #"tollgate_duplicates_total{verb="record"}"#: 1,
                #"tollgate_usage_total{meter="tokens",kind="user"}"#: 14,
                #"tollgate_usage_total{meter="tokens",kind="provider"}"#: 14,
                #"tollgate_usage_total{meter="cost",kind="user"}"#: 4.25,
                "tollgate_decision_seconds_count": 7,
                #"tollgate_decision_seconds_bucket{le="+Inf"}"#: 7,
                "tollgate_redis_up": 1, "tollgate_ready": 1, "tollgate_breaker_open": 0,
            ]
            for (sample, value) in expected { #expect(metrics[sample] == value, "\(sample)") }
            #expect(metrics["tollgate_connections"] ?? 0 >= 1)

            // The harness reports nothing in between.
            let counts = await admin.server.report().counts
            func sum(_ name: String) -> Int {
                Int(metrics.filter { $0.key.hasPrefix(name) }.values.reduce(0, +))
            }
            #expect(sum(#"tollgate_decisions_total{verb="check",decision="allow""#) + 1 == counts.allowed)
            #expect(counts.denied == 4 && counts.wouldDeny == 1 && counts.errors == sum("tollgate_errors_total"))
            #expect(counts.applied == sum("tollgate_writes_applied_total"))
            #expect(counts.duplicates == sum("tollgate_duplicates_total"))
            #expect(counts.operations == sum("tollgate_batch_operations_sum"))
            #expect(counts.batches == sum("tollgate_batch_operations_count"))
            #expect(counts.batches == sum("tollgate_redis_roundtrip_seconds_count"))
        }
    }

    @Test("OpenMetrics is chosen by Accept, names families of counters without _total, and ends")
    func formats() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for (accept, isOpen) in [
                (nil, false), ("*/*", false), ("text/plain", false), ("application/openmetrics-text", true),
                ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3,*/*;q=0.1", true),
                ("text/plain, application/openmetrics-text;q=0.2", false), ("application/openmetrics-text;q=0", false),
            ] as [(String?, Bool)] {
                let headers = accept.map { ["Accept": $0] } ?? [:]
                let answer = try await admin.ask("GET", "/metrics", token: nil, headers: headers)
                #expect(answer.status == 200)
                let type = try #require(answer.headers["content-type"])
                #expect(
                    type.hasPrefix(isOpen ? "application/openmetrics-text; version=1.0.0" : "text/plain; version=0.0.4")
                )
                let family = isOpen ? "tollgate_errors" : "tollgate_errors_total"
                #expect(answer.text.contains("# TYPE \(family) counter\n"))
                #expect(answer.text.hasSuffix("# EOF\n") == isOpen)
            }
            let names = try await Self.families(admin)
            #expect(Set(names).count == names.count, "a family is written twice")
        }
    }

    @Test("scopes of chosen kinds have gauges, the most used first, and the rest together")
    func scopes() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let client = try admin.lineClient()
            for user in 0..<6 { _ = try await client.ask("RECORD user=u\(user) cost=\(user * 10)") }
            try await eventually {
                let kind = try ScopeKind(parsing: "user")
                return try await admin.server.stores.policy.scopesSeen(kind: kind, after: nil, atMost: 10).items.count
                    == 6
            }
            var settings = ScopeGaugeSettings(kinds: [try ScopeKind(parsing: "user")])
            settings.maxScopes = 2
            let gauges = await ScopeGaugeReader(admin.server, settings).gauges()
            let costs = gauges.filter { $0.limit == "cost/day" }
            #expect(costs.map(\.scope) == ["user:u5", "user:u4", "other"])
            #expect(costs.map(\.usedRatio) == [0.5, 0.4, 0.3])
            #expect(costs.map(\.remaining) == [50, 60, nil] && costs.map(\.max) == [100, 100, nil])
        }
    }

    @Test("beyond loopback a token of the role is needed, and any host name will do")
    func listener() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            // A proxy may forward to a listener that has another name.
            for (host, names, isOpen) in [
                ("127.0.0.1", [], true), ("127.0.0.1", ["limits.example.com"], false), ("0.0.0.0", [], false),
            ] {
                var settings = AdminSettings(
                    address: .tcp(host: host, port: 0), access: AdminHarness.access, hosts: names)
                settings.option = .metrics
                let (addresses, announce) = AsyncStream.makeStream(of: ListenAddress.self)
                let listener = AdminServer(
                    metrics: settings, server: admin.server, policyFile: "test.yaml", logger: admin.log.logger,
                    onListening: { announce.yield($0) })
                let running = Task { try await listener.run() }
                defer { running.cancel() }
                var first = addresses.makeAsyncIterator()
                guard case .tcp(_, let port) = try #require(await first.next()) else { continue }
                let isLoopback = host == "127.0.0.1"
                for (path, token, host, expected) in [
                    ("/metrics", nil, "localhost", isOpen ? 200 : 401),
                    ("/metrics", AdminHarness.tokens[.metrics], "tollgate", isLoopback ? 400 : 200),
                    ("/metrics", AdminHarness.tokens[.metrics], "localhost", 200),
                    ("/metrics", AdminHarness.tokens[.caller], "localhost", 403),
                    ("/metrics", "token-of-nobody-here", "localhost", 401),
                    ("/healthz", nil, "localhost", 200), ("/readyz", nil, "localhost", 200),
                    ("/v1/tiers", AdminHarness.tokens[.admin], "localhost", 404),
                ] as [(String, String?, String, Int)] {
                    let client = try SocketClient(.tcp(port: port))
                    let authorization = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
                    try await client.send(
                        "GET \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\n\(authorization)Connection: close\r\n\r\n")
                    let reply = String(decoding: try await client.readToEnd(), as: UTF8.self)
                    #expect(reply.hasPrefix("HTTP/1.1 \(expected) "), "\(path) \(host) \(reply.prefix(80))")
                }
            }
        }
    }

    @Test("100 000 users, tools and kinds leave fewer than 2 000 series")
    func cardinality() async throws {
        let kinds = (0..<60).map { "k\($0): { requests: { 1m: 1, 1h: 1, day: 0, \($0 + 61)s: 1 } }" }
        let policy =
            "defaults: { user: { requests: { total: 0 } }, tool: { requests: { 1m: 1 } }, \(kinds.joined(separator: ", ")) }"
        try await withAdmin(policy: policy) { admin in
            let client = try admin.lineClient()
            for start in stride(from: 0, to: 100_000, by: 1_000) {
                let lines = (start..<start + 1_000).map { "CHECK user=u\($0) tool=t\($0) k\($0 % 60)=\($0)\n" }
                try await client.send(lines.joined())
                for _ in lines {
                    #expect(try await client.readLine()?.hasPrefix("DENY") == true)
                }
            }
            let metrics = try await Self.read(admin)
            #expect(metrics.count < 2_000, "\(metrics.count)")
            let denied = metrics.filter { $0.key.contains(#"decision="deny""#) }.values.reduce(0, +)
            #expect(denied == 100_000)
        }
    }

    @Test("without Redis the metrics of this process are complete, and come without delay")
    func outage() async throws {
        try await withAdmin(policy: "defaults: { user: { requests: { 1m: 2 } } }") { admin in
            let before = Set(try await Self.families(admin))
            admin.redis.stop()
            try await eventually { try await Self.read(admin)["tollgate_redis_up"] == 0 }
            _ = try await admin.lineClient().ask("CHECK user=a")
            let began = ContinuousClock.now
            let metrics = try await Self.read(admin)
            #expect(ContinuousClock.now - began < .seconds(5))
            #expect(metrics["tollgate_ready"] == 0 && metrics["tollgate_breaker_open"] == 1)
            #expect(metrics[#"tollgate_degraded_total{verb="check"}"#] == 1)
            #expect(metrics["tollgate_decision_seconds_count"] == 1)
            let missing = before.subtracting(try await Self.families(admin))
            #expect(
                missing.isSubset(of: [
                    "tollgate_alerts_open", "tollgate_deliveries_waiting", "tollgate_deliveries_dead_lettered",
                ]))
        }
    }

    @Test("docs/metrics.md lists the families that exist, with their types")
    func documented() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let page = try String(contentsOfFile: "docs/metrics.md", encoding: .utf8)
            let rows = page.split(separator: "\n").filter {
                $0.hasPrefix("| `tollgate_") || $0.hasPrefix("| `process_")
            }
            let listed = rows.flatMap { row in
                let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
                return cells[0].split(separator: ", ").map { "\($0.replacing("`", with: "")) \(cells[1])" }
            }
            #expect(Set(listed).count == listed.count)
            let text = try await admin.ask("GET", "/metrics", token: nil).text
            for line in text.split(separator: "\n") where line.hasPrefix("# TYPE ") {
                #expect(listed.contains(String(line.dropFirst("# TYPE ".count))), "\(line)")
            }
        }
    }

    // MARK: - Reading

    /// Returns each sample with its value.
    private static func read(_ admin: AdminHarness) async throws -> [String: Double] {
        let text = try await admin.ask("GET", "/metrics", token: nil).text
        var samples: [String: Double] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let space = try #require(line.lastIndex(of: " "))
            samples[String(line[..<space])] = try #require(Double(line[line.index(after: space)...]), "\(line)")
        }
        return samples
    }

    /// Returns the names of the families.
    private static func families(_ admin: AdminHarness) async throws -> [String] {
        try await admin.ask("GET", "/metrics", token: nil).text.split(separator: "\n").filter {
            $0.hasPrefix("# TYPE ")
        }
        .map { String($0.split(separator: " ")[2]) }
    }
}
