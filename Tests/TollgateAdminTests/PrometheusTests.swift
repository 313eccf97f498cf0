import AsyncHTTPClient
import Foundation
import NIOCore
import ProviderFake
import Testing
import TollgateTestSupport

/// A real Prometheus scrapes a real sidecar: its metrics, the rules, and the queries of the Grafana dashboard.
@Suite("Prometheus", .serialized)
struct PrometheusTests {
    @Test("promtool accepts the metrics, the rules and their tests")
    func promtool() async throws {
        try await withAdmin(policy: "defaults: { user: { requests: { 1m: 1 } } }") { admin in
            _ = try await admin.lineClient().ask("CHECK user=a", "CHECK user=a", "RECORD user=a cost=1")
            let folder = try TemporaryFolder()
            let file = try folder.write(try await admin.ask("GET", "/metrics", token: nil).text, to: "metrics")
            let checked = try await Command.run("sh", ["-c", "promtool check metrics < \(file)"])
            #expect(checked.status == 0 && checked.output.isEmpty, "\(checked.output)\(checked.errors)")
        }
        for arguments in [["check", "rules", "rules.yaml"], ["test", "rules", "rules-test.yaml"]] {
            let checked = try await Command.run("promtool", arguments, workingFolder: "docker/prometheus")
            #expect(checked.status == 0, "\(checked.output)\(checked.errors)")
        }
    }

    /// A query that needs data of an hour ago.
    private static let unanswerable = ["max(job:tollgate_denials:ratio_rate1d)"]

    @Test("every query of the dashboard returns series, and the alerts know the sidecar")
    func dashboard() async throws {
        let twoDaysAgo = (Int64(Date.now.timeIntervalSince1970) / 86_400 - 2) * 86_400
        var books = FakeBooks(now: Int64(Date.now.timeIntervalSince1970))
        books.usage = [.init(hour: twoDaysAgo, uncached: 0, output: 100)]
        let provider = try await FakeProvider.start(books)
        let folder = try TemporaryFolder()
        try folder.write(FakeProvider.credential, to: "key")
        let policy = """
            currency: USD
            history: [user, account]
            prices: { anyone: { known: { input: 1 } } }
            accounts:
              main: { provider: openai, credential_file: \(folder.path)/key, base_url: "\(provider.url)" }
            defaults:
              user: { requests: { 1m: 3 }, cost: { day: 10 } }
              tool: { requests: { 1m: { max: 1, mode: shadow } } }
            """
        let redis = try await TestRedis.started()
        let sidecar = try await SidecarProcess(
            policy: policy,
            arguments: [
                "--redis", "\(redis.address)", "--metrics", "127.0.0.1:0", "--metrics-scopes", "user",
            ])
        let client = try sidecar.client()
        let status = try await client.ask("STATUS")[0]
        let target = try #require(status.firstMatch(of: /"metrics":"(127.0.0.1:\d+)"/)?.output.1)
        let prometheus = try Self.prometheus(scraping: String(target))
        let port = try await prometheus.number(after: #"msg="Listening on" address=127.0.0.1:"#)

        // Usage of the day that is compared with the provider's and of one before, and more than a threshold of a limit.
        _ = try await client.ask("RECORD user=spender account=main tokens=90 at=\(twoDaysAgo - 60)")
        _ = try await client.ask("RECORD user=spender account=main tokens=90 at=\(twoDaysAgo + 60)")
        _ = try await client.ask("RECORD user=spender cost=9.5")
        let queries = try Self.queries().filter { !Self.unanswerable.contains($0) }
        #expect(queries.count > 60)
        var open = queries
        let deadline = ContinuousClock.now + .seconds(90)
        while !open.isEmpty, ContinuousClock.now < deadline {
            _ = try await client.ask(
                "CHECK user=a tool=t", "CHECK user=a", "CHECK user=b tool=t", "PEEK user=a", "CHECK user=a cost=none",
                "RECORD user=a provider=anyone model=unheard tokens=5", "RECORD user=a cost=0.5 tokens=100")
            var rest: [String] = []
            for query in open where try await Self.ask(query, port).isEmpty { rest.append(query) }
            open = rest
            try await Task.sleep(for: .seconds(1))
        }
        #expect(open.isEmpty, "without series: \(open.joined(separator: "\n"))\n\(prometheus.output.suffix(500))")
        // All rules are evaluated without an error, and the sidecar is up.
        #expect(try await Self.ask(#"up{job="tollgate"} == 1"#, port).count == 1)
        let rules = try await Self.get("/api/v1/rules", port)
        #expect(rules.contains(#""name":"TollgateDown""#) && !rules.contains(#""health":"err""#))
    }

    @Test("TollgateDegraded, JournalGrowing, DataLoss and Down fire in a real run, and not before")
    func realRun() async throws {
        let redis = try await TestRedis.started()
        let sidecar = try await SidecarProcess(
            policy: "defaults: { user: { requests: { 1m: 1000 } } }",
            arguments: ["--redis", "\(redis.address)", "--metrics", "127.0.0.1:0", "--deadline", "1s"])
        let client = try sidecar.client()
        let status = try await client.ask("STATUS")[0]
        let target = try #require(status.firstMatch(of: /"metrics":"(127.0.0.1:\d+)"/)?.output.1)
        let prometheus = try Self.prometheus(scraping: String(target), fasterBy: 30)
        let port = try await prometheus.number(after: #"msg="Listening on" address=127.0.0.1:"#)
        func waitFor(_ alert: String, asking: Bool = true) async throws {
            do {
                try await eventually(within: .seconds(60)) {
                    if asking { _ = try await client.ask("CHECK user=a", "RECORD user=a requests=1") }
                    try await Task.sleep(for: .milliseconds(200))
                    return try await Self.firing(port).contains(alert)
                }
            } catch let failure as TestFailure {
                Issue.record("\(alert) does not fire: \(failure); firing: \(try await Self.firing(port))")
            }
        }

        // As long as the longest `for` and window of these alerts.
        for _ in 0..<50 {
            _ = try await client.ask("CHECK user=a", "RECORD user=a requests=1")
            try await Task.sleep(for: .milliseconds(200))
        }
        #expect(try await Self.firing(port).isEmpty)
        redis.stop()
        try await waitFor("TollgateDegraded")
        try await waitFor("TollgateJournalGrowing")
        #expect(try await !Self.firing(port).contains("TollgateDataLoss"))
        try redis.start()
        try await waitFor("TollgateDataLoss")
        #expect(try await !Self.firing(port).contains("TollgateDown"))
        sidecar.signal(SIGKILL)
        try await waitFor("TollgateDown", asking: false)
    }

    /// The names of the alerts that fire.
    private static func firing(_ port: Int) async throws -> Set<String> {
        let alerts = try await ask(#"ALERTS{alertstate="firing", alertname!="TollgateTest"}"#, port)
        return Set(alerts.compactMap { $0.metric["alertname"] })
    }

    // MARK: - Prometheus

    /// Starts Prometheus with the rules, and with one more alert, which fires.
    ///
    /// - Parameter factor: The factor by which times in minutes and seconds of the rules are shorter.
    private static func prometheus(scraping target: String, fasterBy factor: Int = 1) throws -> BackgroundProgram {
        let folder = try TemporaryFolder()
        let text = try String(contentsOfFile: "docker/prometheus/rules.yaml", encoding: .utf8)
            .replacing(/([\[ ])(\d+)m(\]|\n)/) { "\($0.1)\((Int($0.2) ?? 0) * 60 / factor)s\($0.3)" }
            .replacing("> 300\n", with: "> \(300 / factor)\n")
        try folder.write(text, to: "rules.yaml")
        try folder.write(
            "groups: [{ name: test, rules: [{ alert: TollgateTest, expr: 'vector(1)' }] }]\n", to: "test.yaml")
        let settings = try folder.write(
            """
            global: { scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }
            rule_files: ["rules.yaml", "test.yaml"]
            scrape_configs:
              - job_name: tollgate
                static_configs: [{ targets: ["\(target)"] }]

            """, to: "prometheus.yaml")
        return try BackgroundProgram(
            "prometheus",
            [
                "--config.file=\(settings)", "--storage.tsdb.path=\(folder.path)/data",
                "--web.listen-address=127.0.0.1:0",
            ], folder: folder)
    }

    private struct Reply: Decodable {
        struct Data: Decodable {
            var result: [Series]
        }
        struct Series: Decodable {
            var metric: [String: String]
        }
        var status: String
        var data: Data
    }

    private static func ask(_ query: String, _ port: Int) async throws -> [Reply.Series] {
        let encoded = query.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
        let text = try await get("/api/v1/query?query=\(encoded)", port)
        guard let reply = try? JSONDecoder().decode(Reply.self, from: Data(text.utf8)), reply.status == "success" else {
            throw TestFailure("\(query): \(text)")
        }
        return reply.data.result
    }

    private static func get(_ path: String, _ port: Int) async throws -> String {
        let request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        return String(buffer: try await response.body.collect(upTo: 1 << 24))
    }

    // MARK: - The dashboard

    /// The queries of the dashboard, with its variables replaced, and without thresholds that hide zeros.
    private static func queries() throws -> [String] {
        let data = try Data(contentsOf: URL(fileURLWithPath: "docker/grafana/tollgate.json"))
        var found: [String] = []
        collect(try JSONSerialization.jsonObject(with: data), into: &found)
        return found.map { query in
            var query = query.replacing("$__rate_interval", with: "10s").replacing("$__range", with: "1m")
                .replacing("$instance", with: ".*").replacing("$kind", with: ".*")
            if query.hasSuffix(" > 0") { query.removeLast(4) }
            return query
        }
    }

    private static func collect(_ value: Any, into found: inout [String]) {
        if let members = value as? [String: Any] {
            if let query = members["expr"] as? String { found.append(query) }
            for member in members.values { collect(member, into: &found) }
        } else if let items = value as? [Any] {
            for item in items { collect(item, into: &found) }
        }
    }
}
