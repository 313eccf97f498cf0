import Foundation
import NIOCore
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// The replies to STATUS and INFO.
@Suite struct InfoTests {
    private static let policy = "defaults: { user: { requests: { total: 2 } } }"

    @Test("INFO is a bulk string of sections with the fields of STATUS, and ignores its arguments")
    func info() async throws {
        try await withServer(policy: Self.policy) { harness in
            _ = try await harness.ask("CHECK user=a", "CHECK user=a", "CHECK user=a", "CHECK user=a requests=none")
            for words in [["INFO"], ["info", "server"], ["INFO", "everything", "user=\"a"]] {
                let sections = try await Self.info(words, harness)
                let server = try #require(sections["Server"])
                #expect(server["tollgate_version"] == Version.current)
                #expect(server["process_id"] == "\(ProcessInfo.processInfo.processIdentifier)")
                #expect(server["tcp_port"] == "\(harness.port)")
                #expect(server["listen"] == "2")
                #expect(server["listen_0"] == "127.0.0.1:\(harness.port)")
                #expect(server["listen_1"] == "unix:\(harness.socketPath)")
                #expect(server["uptime_in_seconds"].flatMap { Int($0) } != nil)
                #expect(server["not_ready"] == "0")
                let stats = try #require(sections["Stats"])
                #expect(stats["decisions_allowed"] == "2" && stats["decisions_denied"] == "1")
                #expect(stats["total_error_replies"] == "1" && stats["total_commands_processed"] == "4")
                #expect(stats["rejected_connections"] == "0")
                #expect(sections["Clients"]?["connected_clients"].flatMap { Int($0) } ?? 0 > 0)
                #expect(sections["Clients"]?["maxclients"].flatMap { Int($0) } ?? 0 > 0)
                #expect(sections["Persistence"]?["loading"] == "0")
                #expect(sections["Persistence"]?["journal_operations"] == "0")
                #expect(sections["Policy"]?["policy_digest"]?.isEmpty == false)
                #expect(sections["Redis"]?["redis_links"] == "2" && sections["Redis"]?["redis_links_0"] == "ready")
                #expect(sections["Redis"]?["redis_server_version"]?.hasPrefix("7") == true)
            }
        }
    }

    /// Sends INFO over RESP. Returns the sections.
    private static func info(_ words: [String], _ harness: ServerHarness) async throws -> [String: [String: String]] {
        let client = try harness.client()
        let request = "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
        try await client.send(request + "*1\r\n$4\r\nQUIT\r\n")
        let reply = String(decoding: try await client.readToEnd(), as: UTF8.self)
        let end = try #require(reply.range(of: "\r\n"))
        let length = try #require(Int(reply[..<end.lowerBound].dropFirst()))
        #expect(reply.hasPrefix("$"))
        let rest = reply[end.upperBound...]
        #expect(rest.utf8.count == length + "\r\n+OK\r\n".utf8.count)
        let text = String(decoding: rest.utf8.prefix(length), as: UTF8.self)
        #expect(!text.replacing("\r\n", with: "").contains("\n"))
        var sections: [String: [String: String]] = [:]
        for section in text.components(separatedBy: "\r\n\r\n") {
            let lines = section.components(separatedBy: "\r\n").filter { !$0.isEmpty }
            let name = try #require(lines.first.flatMap { $0.hasPrefix("# ") ? String($0.dropFirst(2)) : nil })
            for line in lines.dropFirst() {
                let colon = try #require(line.firstIndex(of: ":"))
                sections[name, default: [:]][String(line[..<colon])] = String(line[line.index(after: colon)...])
            }
        }
        return sections
    }

    @Test("on a line connection INFO is an error that names STATUS, and STATUS is JSON on one line")
    func lineConnection() async throws {
        try await withServer { harness in
            let replies = try await harness.ask("INFO", "INFO server", "STATUS", "status", "STATUS now", "PING")
            let sentence = "ERR bad_request INFO: has several lines; use STATUS, or a Redis client"
            #expect(Array(replies[0...1]) == [sentence, sentence])
            for reply in replies[2...3] {
                let status = try JSONSerialization.jsonObject(with: Data(reply.utf8)) as? [String: Any]
                #expect(status?["version"] as? String == Version.current)
                #expect((status?["redis"] as? [String: Any])?["version"] as? String != nil)
            }
            #expect(Array(replies[4...]) == ["ERR bad_request STATUS: takes no argument", "PONG"])
        }
    }

    @Test("every field of STATUS is in INFO, with lists numbered and text on one line")
    func everyField() throws {
        var report = InfoReport()
        report.notReady = ["no connection to Redis: down\r\nredis_version:9", "second"]
        report.policy.differsFrom = ["host-a"]
        report.cacheHitRate = 0.5
        report.listen = ["unix:/run/tollgate.sock", "[::1]:7379"]
        report.clients.acceptFailure = "Too many open files"
        let lines = try InfoText.make(report).components(separatedBy: "\r\n")
        #expect(lines.contains("not_ready:2"))
        #expect(lines.contains("not_ready_0:no connection to Redis: down??redis_version:9"))
        #expect(lines.contains("not_ready_1:second"))
        #expect(lines.contains("policy_differs_from_0:host-a"))
        #expect(lines.contains("policy_is_subscribed:0"))
        #expect(lines.contains("cache_hit_rate:0.5"))
        #expect(lines.contains("tcp_port:7379"))
        #expect(lines.contains("clients_accept_failure:Too many open files"))
        #expect(lines.contains("redis_health_data_losses:0"))
        #expect(Set(lines.filter { !$0.isEmpty }).count == lines.filter { !$0.isEmpty }.count)
    }
}
