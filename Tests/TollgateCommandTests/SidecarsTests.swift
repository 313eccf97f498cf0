import Foundation
import Testing
import TollgateAdmin
import TollgateTestSupport

@testable import tollgate

/// The command `tollgate sidecars`, `GET /v1/sidecars`, and the announcements that they list.
@Suite struct SidecarsTests {
    private static let policy = "defaults: { user: { requests: { 1m: 10 } } }\n"
    private static let key = "tollgate:{policy}:sidecars"

    private func start(_ redis: TestRedis, policy: String = policy) async throws -> SidecarProcess {
        try await SidecarProcess(policy: policy, arguments: ["--redis", "\(redis.address)"])
    }

    private func sidecars(of sidecar: SidecarProcess, _ words: String...) async throws -> Command {
        try await Command.run(
            SidecarProcess.program, ["sidecars"] + words, workingFolder: sidecar.folder.path,
            environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(sidecar.adminSocketPath)"])
    }

    private func items(of sidecar: SidecarProcess) async throws -> [JSONValue] {
        let output = try await sidecars(of: sidecar, "--json").output
        return try #require(JSONValue(text: output), "\(output)")["items"].array
    }

    @Test("lists each sidecar with its version, addresses and policy, and one with another policy as such")
    func differ() async throws {
        let redis = try TestRedis()
        let one = try await start(redis)
        let other = try await start(redis, policy: "defaults: { user: { requests: { 1m: 11 } } }\n")
        // The first announcement may precede the addresses.
        try await eventually(within: .seconds(20)) {
            let items = try await items(of: one)
            return items.count == 2 && items.allSatisfy { $0["listen"].array.count == 1 }
        }
        let found = try await items(of: one)
        let mine = try #require(found.first { $0["process_id"].text == "\(one.processIdentifier)" })
        #expect(mine["version"].text == "0.1.0" && mine["has_same_policy"] == .bool(true))
        #expect(mine["listen"].array.map(\.text) == ["unix:\(one.socketPath)"])
        #expect(mine["started_at"].string != nil && mine["last_seen_at"].string != nil)
        let its = try #require(found.first { $0["process_id"].text == "\(other.processIdentifier)" })
        #expect(its["has_same_policy"] == .bool(false) && its["policy_digest"] != mine["policy_digest"])
        let text = try await sidecars(of: one).output
        #expect(text.hasPrefix("host") && text.contains("  \(other.processIdentifier)  0.1.0"), "\(text)")
        #expect(text.contains(" (another)"), "\(text)")
    }

    @Test("a sidecar that ends in order disappears at once, and a killed one stays with its age")
    func ends() async throws {
        let redis = try TestRedis()
        let one = try await start(redis)
        let (ending, killed) = (try await start(redis), try await start(redis))
        try await eventually(within: .seconds(20)) { try await items(of: one).count == 3 }
        #expect(try await ending.stop() == 0)
        #expect(try redis.cli("HLEN", Self.key) == "2" && redis.cli("HLEN", Self.key + ":details") == "2")
        killed.signal(SIGKILL)
        _ = try await killed.end()
        try await eventually(within: .seconds(30)) {
            let item = try await items(of: one).first { $0["process_id"].text == "\(killed.processIdentifier)" }
            guard case .integer(let age)? = item?["last_seen_seconds"] else { return false }
            return age >= 7
        }
        // As a minute later.
        let fields = try redis.hash(Self.key)
        let (id, text) = try #require(fields.first { $0.value.hasSuffix(":\(killed.processIdentifier)") })
        let words = text.split(separator: " ")
        let at = try #require(Int64(words[0]))
        try redis.cli("HSET", Self.key, id, "\(at - 60_000) \(words[1]) \(words[2])")
        #expect(try await items(of: one).count == 1)
        try await eventually(within: .seconds(20)) {
            try redis.cli("HLEN", Self.key) == "1" && redis.cli("HLEN", Self.key + ":details") == "1"
        }
    }

    @Test("an announcement without details, of an earlier version, is listed and left alone")
    func earlierVersion() async throws {
        let redis = try TestRedis()
        let one = try await start(redis)
        let now = Int64(Date.now.timeIntervalSince1970 * 1_000)
        try redis.cli("HSET", Self.key + ":details", "left", "0.1.0 \(now) unix:/sock")
        try await eventually(within: .seconds(20)) { try redis.hash(Self.key + ":details")["left"] == nil }
        try redis.cli("HSET", Self.key, "feed", "\(now) 0a1b2c3d4e5f app-7:42")
        let items = try await items(of: one)
        let item = try #require(items.first { $0["host"].text == "app-7" })
        #expect(item["process_id"].text == "42" && item["version"] == .null && item["listen"].array.isEmpty)
        try await eventually(within: .seconds(20)) { try redis.hash(Self.key).count == 2 }
        // Versions before details read the same three words.
        let announcements = try redis.hash(Self.key)
        let own = try #require(announcements.first { $0.key != "feed" })
        #expect(own.value.split(separator: " ").count == 3, "\(own)")
    }

    @Test("a stop does not wait for a Redis that does not answer")
    func frozen() async throws {
        let redis = try TestRedis()
        let one = try await start(redis)
        redis.freeze(true)
        defer { redis.freeze(false) }
        let start = ContinuousClock.now
        #expect(try await one.stop() == 0)
        #expect(ContinuousClock.now - start < .seconds(15))
    }

    @Test("the table fits a terminal of 80 columns")
    func width() throws {
        let item = """
            {"host":"tollgate-7d9c5b6f4-x2x9z.production.example.com","process_id":123456,"version":"0.1.0",
             "policy_digest":"e21a4b397c7b","has_same_policy":false,"last_seen_seconds":12,
             "listen":["127.0.0.1:7379","unix:/run/tollgate/tollgate.sock"]}
            """
        let answer = try #require(JSONValue(text: "{\"items\":[\(item)]}"))
        let text = AdminText.sidecars(answer, on: Terminal(columns: 80, isUTF8: true, hasColour: false))
        #expect(text.split(separator: "\n").allSatisfy { TerminalWidth.of(String($0)) <= 80 }, "\(text)")
        #expect(text.contains("e21a4b397c7b (another)") && AdminText.sidecars(answer).contains("x2x9z.production"))
    }
}
