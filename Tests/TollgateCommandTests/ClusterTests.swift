import Foundation
import Testing
import TollgateTestSupport

/// The built sidecar with `--partitions`, on a Redis Cluster of one node.
@Suite struct ClusterTests {
    private static let policy = """
        kinds: [region]
        history: [user]
        defaults:
          user: { requests: { 1h: 1000 }, cost: { day: 10 }, concurrent: 3 }
          team: { requests: { 1h: 1000 }, tokens: { total: 100000 } }
        tiers:
          basic: { limits: { cost: { month: 100 } } }
        """
    private static let partitions = 16

    private let redis: TestRedis
    private let folder: TemporaryFolder

    init() async throws {
        redis = try await TestRedis.cluster()
        folder = try TemporaryFolder()
    }

    private func sidecar(_ arguments: String..., policy: String = policy) async throws -> SidecarProcess {
        try await SidecarProcess(
            policy: policy, arguments: ["--redis", "\(redis.address)", "--deadline", "10s"] + arguments)
    }

    /// The partition as Redis Cluster computes it: the number of slots is a multiple of the partitions.
    private func partition(_ scope: String) throws -> Int { try redis.slot(of: scope) % Self.partitions }

    /// The id of a team that is, or is not, in the partition of a user.
    private func team(in partition: Int, _ isIn: Bool = true) throws -> String {
        try #require(try (0..<200).map { "t\($0)" }.first { try (self.partition("team:\($0)") == partition) == isIn })
    }

    @Test("every operation and script uses only the slot of its partition")
    func operations() async throws {
        let sidecar = try await sidecar("--partitions", "\(Self.partitions)")
        try await eventually { try await sidecar.ask("GET", "/readyz").status == 200 }
        let monitor = try await RedisMonitor(redis)
        let team = try team(in: partition("user:alice:x"))

        let client = try sidecar.client()
        let user = "user=alice:x provider=openai tool=search"
        try await expect(
            client,
            [
                ("CHECK \(user)", "ALLOW "), ("CHECK user=bob", "ALLOW limit=user:bob/"),
                ("CHECK user=carol tool=x", "ALLOW "),
                ("CHECK \(user) team=\(team)", "ALLOW "), ("PEEK \(user)", "ALLOW "),
                ("RECORD \(user) cost=2 tokens=10 id=r1", "OK"),
                ("RECORD \(user) cost=2 tokens=10 id=r1", "OK duplicate=1"),
                ("RECORD team=\(team) tokens=5", "OK"), ("RECORD region=eu cost=1 id=r2", "OK"),
                ("RECORD region=eu cost=1 id=r2", "OK duplicate=1"), ("RECORD provider=openai cost=1 id=r3", "OK"),
                ("REFUND \(user) cost=1 id=f1", "OK"), ("REFUND \(user) cost=0.5", "OK"),
                ("RECORD \(user) cost=8", "OK warn="),
                ("CHECK \(user) cost=5", "DENY "), ("USAGE scope=user:alice:x", "{"), ("USAGE scope=user:dora", "{"),
            ])
        let reserved = try await client.ask("RESERVE user=bob provider=openai cost=1", "RESERVE user=bob cost=1")
        let tokens = reserved.compactMap { $0.split(separator: " reservation=").last }
        #expect(reserved.allSatisfy { $0.hasPrefix("ALLOW ") })
        try await expect(
            client,
            [
                ("COMMIT reservation=\(tokens[0]) cost=0.5", "OK"),
                ("COMMIT reservation=\(tokens[0])", "OK duplicate=1"),
                ("CANCEL reservation=\(tokens[1])", "OK"),
                ("RESERVE user=bob cost=1", "ALLOW "),
            ])
        try await administer(sidecar)

        #expect(!sidecar.log.contains("CROSSSLOT"), "\(sidecar.log)")
        #expect(try !redis.cli("INFO", "errorstats").contains("CROSSSLOT"))
        try expectPartitions()
        try expectOneSlotACall(monitor.commands)
        #expect(try await sidecar.stop() == 0)
    }

    /// Sends requests one after the other, and compares their replies.
    private func expect(_ client: SocketClient, _ requests: [(line: String, reply: String)]) async throws {
        for request in requests {
            let reply = try await client.ask(request.line)[0]
            #expect(reply.hasPrefix(request.reply), "\(request.line): \(reply)")
        }
    }

    private func administer(_ sidecar: SidecarProcess) async throws {
        func ask(_ method: String, _ path: String, _ body: String = "") async throws -> String {
            let answer = try await sidecar.ask(
                method, path, body, headers: method == "DELETE" ? ["If-Match": "*"] : [:])
            #expect((200..<300).contains(answer.status), "\(method) \(path): \(answer.status) \(answer.body)")
            return answer.body
        }
        let alice = "/v1/scopes/user:alice%3Ax"
        _ = try await ask("PUT", "\(alice)/limits", #"{"limits":{"requests":{"1h":500}}}"#)
        let end = Date.now.addingTimeInterval(3_600).ISO8601Format()
        _ = try await ask(
            "PUT", "\(alice)/override", #"{"add":{"cost/day":"5"},"expires_at":"\#(end)","reason":"r"}"#)
        #expect(try await sidecar.client().ask("CHECK user=alice:x")[0].hasPrefix("ALLOW "))
        _ = try await ask("DELETE", "\(alice)/override")
        _ = try await ask("PUT", "/v1/assignments/default", #"{"tier":"basic"}"#)
        #expect(try await ask("GET", "\(alice)/limits").contains(#""max":500"#))
        for unit in ["daily", "monthly"] {
            let report = try await ask("GET", "/v1/reports/\(unit)?scope=user:alice%3Ax&by=provider")
            #expect(report.contains("openai"), "\(report)")
        }
        let top = try await ask("GET", "/v1/reports/top?kind=user&meter=requests")
        for user in ["user:alice:x", "user:bob", "user:carol"] { #expect(top.contains("\"\(user)\""), "\(top)") }
        #expect(try await ask("GET", "/v1/scopes/user:bob/reservations").contains(#""cost":"1""#))
        try await eventually { try await ask("GET", "/v1/scopes?kind=user").contains("user:bob") }
        #expect(try await ask("GET", "/v1/events").contains("user:alice:x"))
        let reset = try await ask("POST", "\(alice)/reset", "{}")
        #expect(reset.contains("cost/day"), "\(reset)")
        #expect(try await ask("GET", "/v1/audit").contains("scope.reset"))
        try await eventually { try await ask("GET", "/v1/alerts").contains("user:alice:x") }
        let alerts = try await ask("GET", "/v1/alerts?state=open")
        if let id = alerts.split(separator: #""id":""#).dropFirst().first?.prefix(while: { $0 != "\"" }) {
            _ = try await ask("POST", "/v1/alerts/\(id)/acknowledge", "{}")
        }
    }

    /// Checks that each key of a scope is in the scope's partition, and that every other key has one slot.
    private func expectPartitions() throws {
        let keys = try redis.cli("KEYS", "*").split(separator: "\n").map(String.init)
        let hash = "tollgate:{\(try partition("user:alice:x"))}:user:alice::x"
        for mark in ["record:r1", "refund:f1"] { #expect(keys.contains("\(hash):\(mark)"), "\(keys)") }
        #expect(keys.contains("tollgate:{\(try partition("region:eu"))}:region:eu:record:r2"), "\(keys)")
        for key in keys where key != "tollgate:reservation-keys" {
            let tag = try #require(key.split(separator: "{").last?.split(separator: "}").first)
            #expect(key.hasPrefix("tollgate:{\(tag)}:"))
            #expect(["policy", "alerts"].contains(tag) || (Int(tag).map { $0 < Self.partitions } ?? false), "\(key)")
        }
    }

    /// The keys that each call names, and those that its script derives.
    private func expectOneSlotACall(_ commands: [RedisMonitor.Command]) throws {
        var (scripts, slots, slot): (Set<String>, [String: Int], Int?) = ([], [:], nil)
        func find(_ key: String) throws -> Int {
            if let known = slots[key] { return known }
            let found = try redis.slot(of: key)
            slots[key] = found
            return found
        }
        for command in commands {
            guard command.isByScript else {
                slot = nil
                guard ["EVALSHA", "FCALL"].contains(command.words[0].uppercased()) else { continue }
                scripts.insert(command.words[1])
                let keys = command.words.dropFirst(3).prefix(Int(command.words[2]) ?? 0)
                let found = Set(try keys.map(find))
                #expect(found.count == 1, "\(keys)")
                slot = found.first
                continue
            }
            guard !["TIME", "INFO", "PUBLISH"].contains(command.words[0].uppercased()) else { continue }
            let key = command.words[command.words[0].uppercased() == "XINFO" ? 2 : 1]
            #expect(try find(key) == slot, "\(command.words.prefix(3))")
        }
        #expect(scripts.count >= 8, "\(scripts)")
    }

    @Test("a request over several partitions is rejected with two scopes and their partitions")
    func severalPartitions() async throws {
        let sidecar = try await sidecar("--partitions", "\(Self.partitions)")
        let partition = try partition("user:alice")
        let other = try team(in: partition, false)
        let sentence = """
            ERR bad_request user:alice is in partition \(partition) and team:\(other) in partition \
            \(try self.partition("team:\(other)")): the scopes of a request that have limits or history have to be in one partition
            """
        let client = try sidecar.client()
        for verb in ["CHECK", "PEEK", "RESERVE", "RECORD", "REFUND"] {
            let reply = try await client.ask("\(verb) user=alice team=\(other) tokens=1")[0]
            #expect(reply == sentence, "\(verb): \(reply)")
        }
        #expect(try await client.ask("CHECK user=alice provider=openai")[0].hasPrefix("ALLOW "))
        #expect(try redis.cli("HGET", "tollgate:{\(partition)}:user:alice", "requests/1h.n") == "1")
        #expect(try await sidecar.stop() == 0)
    }

    @Test("journaled operations are applied in their partitions, once each")
    func journal() async throws {
        let sidecar = try await sidecar("--partitions", "\(Self.partitions)")
        let client = try sidecar.client()
        redis.stop()
        let users = (0..<40).map { "u\($0)" }
        for user in users { #expect(try await client.ask("RECORD user=\(user) cost=1 id=x")[0].hasPrefix("OK")) }
        try redis.start()
        try redis.cli("CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        try await eventually {
            try users.allSatisfy { user in
                let key = "tollgate:{\(try partition("user:\(user)"))}:user:\(user)"
                return try redis.hash(key)["cost/day"] == "1000000000"
            }
        }
        for user in users { #expect(try await client.ask("RECORD user=\(user) cost=1 id=x")[0] == "OK duplicate=1") }
        #expect(try await sidecar.stop() == 0)
    }

    @Test("another number of partitions is rejected until the data are deleted")
    func otherPartitions() async throws {
        let first = try await sidecar("--partitions", "\(Self.partitions)")
        #expect(try await first.client().ask("CHECK user=alice")[0].hasPrefix("ALLOW "))
        #expect(try redis.hash("tollgate:{policy}:marker")["partitions"] == "16")
        #expect(try redis.hash("tollgate:{policy}:marker")["layout"] == "2")

        let second = try await SidecarProcess(
            policy: Self.policy, arguments: ["--redis", "\(redis.address)", "--partitions", "32", "--deadline", "10s"],
            waitsUntilReady: false)
        let sentence = """
            the data of namespace tollgate was created with --partitions 16: start the sidecar that way, or name another namespace
            """
        try await eventually {
            (try? await second.client().ask("CHECK user=alice")[0]) == "ERR unavailable \(sentence)"
        }
        // The admin API may listen later than the line protocol.
        try await eventually {
            guard let readiness = try? await second.ask("GET", "/readyz") else { return false }
            return readiness.status == 503 && readiness.body.contains(sentence)
        }
        #expect(try await second.client().ask("STATUS")[0].contains("unsupported: \(sentence)"))
        try await eventually { second.log.contains(sentence) }
        #expect(try await first.client().ask("CHECK user=alice")[0].hasPrefix("ALLOW "))

        // The data are lost, and another sidecar recreates them before the first one notices.
        let marker = "tollgate:{policy}:marker"
        let beginAnew = "redis.call('FLUSHALL') redis.call('HSET', KEYS[1], 'layout', '2', 'partitions', '32')"
        try redis.cli("EVAL", beginAnew, "1", marker)
        try await eventually { try await second.client().ask("CHECK user=alice")[0].hasPrefix("ALLOW ") }
        try await eventually {
            try await first.client().ask("CHECK user=alice")[0].hasPrefix(
                "ERR unavailable the data of namespace tollgate was created with --partitions 32")
        }
        #expect(try await first.stop() == 0)
        #expect(try await second.stop() == 0)
    }

    @Test("data of the earlier layout are logged once, and stay unchanged")
    func earlierLayout() async throws {
        let redis = try TestRedis()
        try redis.cli("HSET", "tollgate:{policy}:marker", "generation", "3", "id", "a", "count", "7", "run", "x")
        try redis.cli("HSET", "tollgate:{user:alice}", "requests/1h.n", "900", "requests/1h.b", "1")
        for round in 0..<2 {
            let sidecar = try await SidecarProcess(
                policy: Self.policy, arguments: ["--redis", "\(redis.address)", "--deadline", "10s"])
            #expect(try await sidecar.client().ask("CHECK user=alice")[0].hasPrefix("ALLOW "))
            if round == 0 { try await eventually { sidecar.log.contains("keys of an earlier layout") } }
            let said = sidecar.log.components(separatedBy: "keys of an earlier layout").count - 1
            #expect(said == (round == 0 ? 1 : 0), "\(sidecar.log)")
            #expect(try await sidecar.stop() == 0)
        }
        #expect(try redis.hash("tollgate:{user:alice}") == ["requests/1h.n": "900", "requests/1h.b": "1"])
        #expect(try redis.hash("tollgate:{policy}:marker")["partitions"] == "0")
    }
}
