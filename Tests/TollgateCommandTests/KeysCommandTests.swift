import Foundation
import Testing
import TollgateTestSupport

/// The command `tollgate keys`, which makes no connection.
@Suite struct KeysCommandTests {
    private func keys(_ arguments: String..., environment: [String: String] = [:]) async throws -> Command {
        try await Command.run(SidecarProcess.program, ["keys"] + arguments, environment: environment)
    }

    /// The output of `--json`.
    private struct Listings: Decodable {
        struct Listing: Decodable {
            struct Key: Decodable {
                var key: String
                var type: String
                var content: String
                var command: String
            }

            var scope: String
            var partition: Int?
            var keys: [Key]
        }

        var scopes: [Listing]
    }

    private func listings(_ command: Command) throws -> [Listings.Listing] {
        try JSONDecoder().decode(Listings.self, from: Data(command.output.utf8)).scopes
    }

    private static var yesterday: String { String(Date.now.addingTimeInterval(-86_400).ISO8601Format().prefix(10)) }

    @Test("each scope is listed with its keys, their content and a command")
    func text() async throws {
        let command = try await keys("user:alice", "model:llama3:8b")
        #expect(command.status == 0)
        let sections = command.output.components(separatedBy: "\n\n")
        #expect(sections.count == 2)
        let lines = sections[0].split(separator: "\n").map(String.init)
        #expect(lines[0] == "user:alice")
        #expect(lines[1].hasPrefix("content") && lines[1].hasSuffix("command"))
        #expect(lines[2].hasPrefix("counters, "), "\(lines[2])")
        #expect(lines[2].hasSuffix("  redis-cli HGETALL tollgate:user:alice"), "\(lines[2])")
        let commands = lines.dropFirst(2).map { $0.split(separator: "  ").last.map(String.init)?.drop { $0 == " " } }
        #expect(commands.contains("redis-cli ZRANGE tollgate:user:alice:holds 0 -1 WITHSCORES"), "\(commands)")
        #expect(commands.contains("redis-cli GET tollgate:user:alice:record:ID"), "\(commands)")
        #expect(commands.contains("redis-cli HGETALL 'tollgate:{policy}:scope:user:alice'"), "\(commands)")
        #expect(
            sections[1].contains("redis-cli HGETALL tollgate:model:llama3::8b:day:\(Self.yesterday)"), "\(sections[1])")
    }

    @Test("the keys are those of a sidecar, with and without partitions", arguments: [nil, 16])
    func realKeys(partitions: Int?) async throws {
        let redis = try TestRedis()
        let options = ["--namespace", "a.b"] + (partitions.map { ["--partitions", "\($0)"] } ?? [])
        let sidecar = try await SidecarProcess(
            policy: "defaults: { user: { requests: { 31d: 100 }, cost: { total: 10 } } }",
            arguments: ["--redis", "\(redis.address)", "--deadline", "10s"] + options)
        let client = try sidecar.client()
        let reserved = try await client.ask("RESERVE user=it's:a cost=1", "RESERVE user=it's:a cost=1")
        let token = try #require(reserved[0].split(separator: " reservation=").last)
        _ = try await client.ask("COMMIT reservation=\(token) cost=9", "RECORD user=it's:a cost=0.1 id=ID")
        _ = try await client.ask("REFUND user=it's:a cost=0.1 id=ID", "CHECK user=it's:a")
        let limits = #"{"limits":{"requests":{"31d":50}}}"#
        #expect(try await sidecar.ask("PUT", "/v1/scopes/user:it's%3Aa/limits", limits).status == 201)

        let command = try await Command.run(
            SidecarProcess.program, ["keys", "user:it's:a", "--json"] + options)
        let listing = try #require(try listings(command).first)
        #expect(listing.scope == "user:it's:a")
        #expect(listing.keys.allSatisfy { $0.command.hasPrefix("redis-cli ") && !$0.command.contains(" -s ") })
        #expect((listing.partition == nil) == (partitions == nil))
        let hash = "a.b:" + (listing.partition.map { "{\($0)}:" } ?? "") + "user:it's::a"
        #expect(
            listing.keys.map(\.key) == [
                hash, "\(hash):day:\(Self.yesterday)", "\(hash):month:\(Self.yesterday.prefix(7))", "\(hash):holds",
                "\(hash):charged", "\(hash):record:ID", "\(hash):refund:ID", "\(hash):settled:ID",
                "a.b:{policy}:scope:user:it's:a",
                "a.b:{alerts}:index:scope:user:it's:a",
            ])
        // The running day, changed to yesterday, is moved to its own keys by the next operation.
        var running = try #require(try redis.hash(hash)["history"]).split(separator: " ").map(String.init)
        running[0] = Self.yesterday
        running[1] = try "\(#require(Int64(running[1])) - 86_400_000)"
        running[2] = String(Self.yesterday.prefix(7))
        for key in listing.keys.map(\.key) where key.contains(":day:") || key.contains(":month:") {
            #expect(try redis.cli("TYPE", key) == "none")
        }
        try redis.cli("HSET", hash, "history", running.joined(separator: " "))
        _ = try await client.ask("RECORD user=it's:a cost=0.1")
        // No reservation has expired, and none has this id.
        for key in listing.keys where !key.key.hasSuffix(":charged") && !key.key.hasSuffix(":settled:ID") {
            try await eventually { try redis.cli("TYPE", key.key) == key.type }
            // As a shell parses it.
            let shown = try await Command.run(
                "sh", ["-c", key.command.replacing("redis-cli ", with: "redis-cli -s \(redis.socketPath) ")])
            #expect(shown.status == 0 && shown.output.count > 1, "\(key.command): \(shown.output)")
        }
        #expect(try !redis.cli("KEYS", "\(hash):settled:*").isEmpty)
        #expect(try await sidecar.stop() == 0)
    }

    @Test("the commands name the Redis that is given, or the embedded one of the data folder")
    func address() async throws {
        let folder = try TemporaryFolder()
        func client(_ arguments: [String] = [], _ environment: [String: String] = [:]) async throws -> String? {
            let command = try await Command.run(
                SidecarProcess.program, ["keys", "user:a", "--json"] + arguments, workingFolder: folder.path,
                environment: environment)
            let first = try listings(command).first?.keys.first?.command
            return first.map { String($0.prefix(upTo: $0.firstRange(of: " HGETALL")?.lowerBound ?? $0.endIndex)) }
        }
        #expect(try await client() == "redis-cli")
        for (url, options) in [
            ("redis://127.0.0.1", ""), ("redis://cache:7000/3", " -h cache -p 7000 -n 3"),
            ("unix:///run/r.sock", " -s /run/r.sock"),
            ("redis://me:secret@[::1]:6379", " -h ::1 -p 6379 --user me --askpass"),
        ] {
            #expect(try await client(["--redis", url]) == "redis-cli" + options)
            #expect(try await client([], ["TOLLGATE_REDIS": url]) == "redis-cli" + options)
        }
        try FileManager.default.createDirectory(
            atPath: folder.path + "/tollgate-data", withIntermediateDirectories: true)
        _ = try folder.emptyFile("tollgate-data/redis.sock")
        _ = try folder.emptyFile("redis.sock")
        #expect(try await client() == "redis-cli -s tollgate-data/redis.sock")
        #expect(try await client(["--data", folder.path]) == "redis-cli -s \(folder.path)/redis.sock")
        #expect(try await client([], ["TOLLGATE_DATA": folder.path]) == "redis-cli -s \(folder.path)/redis.sock")
        #expect(try await client(["--redis", "redis://127.0.0.1"]) == "redis-cli")
    }

    @Test("a composite scope has no history, and the environment sets namespace and partitions")
    func environment() async throws {
        let environment = ["TOLLGATE_NAMESPACE": "ns", "TOLLGATE_PARTITIONS": "1"]
        let command = try await keys("user:a+tool:b", "--json", environment: environment)
        let keys = try #require(try listings(command).first?.keys.map(\.key))
        #expect(keys.first == "ns:{0}:user:a+tool:b")
        #expect(!keys.contains { $0.contains(":day:") })
        #expect(
            try await self.keys("user:a", "--partitions", "2", environment: environment).output.contains("partition "))
    }

    @Test(
        "an invalid argument is an error with the expected form",
        arguments: [
            ([], "Missing expected argument '<scope> ...'"), (["alice"], "alice: expected kind:id"),
            (["user:a", "--partitions", "0"], "--partitions 0: expected 1 to 16384"),
            (["user:a", "--redis", "localhost"], "--redis: expected redis://host:port or unix:///path/to/redis.sock"),
            (["user:a", "--partitions", "few"], "--partitions few: expected a whole number"),
            (["user:a", "--namespace", "a b"], "--namespace a b: expected 1 to 64 of A-Z a-z 0-9 _ . - :"),
        ])
    func badArguments(arguments: [String], sentence: String) async throws {
        let command = try await Command.run(SidecarProcess.program, ["keys"] + arguments)
        #expect(command.status == 64)
        #expect(command.errors.contains(sentence), "\(command.errors)")
    }
}
