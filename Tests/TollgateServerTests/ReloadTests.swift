import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// Changes of the policy file while the sidecar runs.
@Suite struct ReloadTests {
    static func policy(max: Int) -> String { "defaults: { user: { requests: { 1h: \(max) } } }\n" }

    /// Runs a sidecar in this process that checks a policy file many times a second.
    private func withWatched(
        path: String, _ body: (ServerHarness) async throws -> Void
    ) async throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try await withServer(policy: text) { harness in
            let reloader = PolicyReloader(
                file: PolicyFile(path: path), policy: harness.sidecar.activePolicy, interval: .milliseconds(20),
                settling: .milliseconds(50), logger: .none)
            let watching = Task { await reloader.run() }
            defer { watching.cancel() }
            try await body(harness)
        }
    }

    /// Waits until users have a limit of this value.
    private func untilLimit(_ max: Int, _ harness: ServerHarness) async throws {
        try await eventually { try await harness.ask("USAGE scope=user:a")[0].contains(#""max":\#(max),"#) }
    }

    private func policyError(_ client: SocketClient) async throws -> String? {
        struct Info: Decodable {
            struct Policy: Decodable { var error: String? }
            var policy: Policy
        }
        return try JSONDecoder().decode(Info.self, from: Data(try await client.ask("STATUS")[0].utf8)).policy.error
    }

    @Test("new limits apply at once to existing usage, also for cached scopes")
    func newLimits() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.policy(max: 100), to: "tollgate.yaml")
        try await withWatched(path: path) { harness in
            // Both workers cache the scope.
            let clients = try (0..<4).map { _ in try harness.client() }
            for client in clients { _ = try await client.ask("CHECK user=a") }
            try folder.write(Self.policy(max: 3), to: "tollgate.yaml")
            try await untilLimit(3, harness)
            for client in clients {
                let deny = "DENY reason=rate_limited limit=user:a/requests/1h max=3 used=4 remaining=0 retry_after="
                #expect(try await client.ask("CHECK user=a")[0].hasPrefix(deny))
            }
            try folder.write(Self.policy(max: 6), to: "tollgate.yaml")
            try await untilLimit(6, harness)
            for used in 5...6 {
                let allow = "ALLOW limit=user:a/requests/1h max=6 used=\(used) "
                #expect(try await clients[used - 5].ask("CHECK user=a")[0].hasPrefix(allow))
            }
            #expect(try await clients[0].ask("CHECK user=a")[0].hasPrefix("DENY"))
            try folder.write("no_limits: true", to: "tollgate.yaml")
            try await eventually { try await clients[0].ask("CHECK user=a") == ["ALLOW"] }
        }
    }

    @Test("a file that is renamed over the policy is read")
    func renamedOver() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.policy(max: 100), to: "tollgate.yaml")
        try await withWatched(path: path) { harness in
            for max in [7, 8] {
                let new = try folder.write(Self.policy(max: max), to: "new.yaml")
                #expect(rename(new, path) == 0)
                try await untilLimit(max, harness)
            }
        }
    }

    @Test("a switched symlink is followed, of the file itself and of a folder of its path")
    func switchedSymlink() async throws {
        let folder = try TemporaryFolder()
        for version in 1...3 {
            try FileManager.default.createDirectory(
                atPath: "\(folder.path)/v\(version)", withIntermediateDirectories: true)
            try folder.write(Self.policy(max: version * 10), to: "v\(version)/tollgate.yaml")
        }
        func point(_ name: String, to target: String) throws {
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder.path)/\(name).new", withDestinationPath: target)
            #expect(rename("\(folder.path)/\(name).new", "\(folder.path)/\(name)") == 0)
        }
        try point("current", to: "v1")
        try point("tollgate.yaml", to: "current/tollgate.yaml")
        try await withWatched(path: folder.path + "/tollgate.yaml") { harness in
            try await untilLimit(10, harness)
            try point("current", to: "v2")
            try await untilLimit(20, harness)
            try point("tollgate.yaml", to: "v3/tollgate.yaml")
            try await untilLimit(30, harness)
        }
    }

    @Test("a bad file leaves the policy in force, STATUS has the error, and a good file clears it")
    func badFile() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.policy(max: 100), to: "tollgate.yaml")
        try await withWatched(path: path) { harness in
            let client = try harness.client()
            #expect(try await policyError(client) == nil)
            try folder.write("currency: USD\ndefaults:\n  user: { request: { 1h: 5 } }\n", to: "tollgate.yaml")
            try await eventually { try await policyError(client) != nil }
            let error = try #require(try await policyError(client))
            #expect(error.contains("\(path):3: "), "\(error)")
            try await untilLimit(100, harness)
            #expect(unlink(path) == 0)
            try await eventually { try await policyError(client)?.contains("does not exist") == true }
            try await untilLimit(100, harness)
            try folder.write(Self.policy(max: 9), to: "tollgate.yaml")
            try await untilLimit(9, harness)
            #expect(try await policyError(client) == nil)
        }
    }

    @Test("a pipe in place of the file is an error, and neither blocks later reloads nor the end")
    func pipe() async throws {
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(
            policy: Self.policy(max: 100), arguments: ["--redis", "\(redis.address)", "--deadline", "10s"])
        let client = try sidecar.client()
        func replaceByPipe() async throws {
            let pipe = sidecar.folder.path + "/pipe"
            #expect(mkfifo(pipe, 0o600) == 0 && rename(pipe, sidecar.policyPath) == 0)
            try await eventually {
                try await policyError(client)?.hasSuffix("tollgate.yaml: is a pipe; expected a regular file") == true
            }
        }
        try await replaceByPipe()
        #expect(unlink(sidecar.policyPath) == 0)
        try sidecar.folder.write(Self.policy(max: 7), to: "tollgate.yaml")
        try await eventually { try await client.ask("PEEK user=a")[0].contains(" max=7 ") }
        #expect(try await policyError(client) == nil)
        try await replaceByPipe()
        #expect(try await sidecar.stop() == 0)
    }

    @Test("a change before the first check is noticed")
    func changedBeforeWatching() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.policy(max: 100), to: "tollgate.yaml")
        try await withServer(policy: Self.policy(max: 100)) { harness in
            let file = PolicyFile(path: path)
            _ = try file.load()
            try folder.write(Self.policy(max: 42), to: "tollgate.yaml")
            let watching = Task {
                await PolicyReloader(
                    file: file, policy: harness.sidecar.activePolicy, interval: .milliseconds(20),
                    settling: .milliseconds(50), logger: .none
                ).run()
            }
            defer { watching.cancel() }
            try await untilLimit(42, harness)
        }
    }

    @Test("a file that differs only in its change time is read")
    func sameSizeAndTime() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.policy(max: 100), to: "tollgate.yaml")
        try await withWatched(path: path) { harness in
            try await untilLimit(100, harness)
            try rewrite(path, Self.policy(max: 200))
            try await untilLimit(200, harness)
        }
    }

    /// Rewrites a file in place, with its old modification time.
    private func rewrite(_ path: String, _ text: String) throws {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        let modified = try #require(attributes[.modificationDate] as? Date)
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
        try FileManager.default.setAttributes([.modificationDate: modified], ofItemAtPath: path)
    }

    @Test("an emptied file is invalid, and the limits stay")
    func emptied() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.policy(max: 100), to: "tollgate.yaml")
        try await withWatched(path: path) { harness in
            try folder.write("", to: "tollgate.yaml")
            let client = try harness.client()
            try await eventually { try await policyError(client) != nil }
            #expect(try await policyError(client)?.contains(":1: no limits: ") == true)
            try await untilLimit(100, harness)
        }
    }

    @Test("a process reloads on SIGHUP and after a change, and logs a bad file")
    func process() async throws {
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(
            policy: Self.policy(max: 100), arguments: ["--redis", "\(redis.address)", "--deadline", "10s"])
        let client = try sidecar.client()
        func untilMax(_ max: Int) async throws {
            try await eventually { try await client.ask("PEEK user=a")[0].contains(" max=\(max) ") }
        }
        // The file is unchanged.
        sidecar.signal(SIGHUP)
        try await eventually { sidecar.log.contains("policy reloaded") }
        try sidecar.folder.write("limits: 3", to: "tollgate.yaml")
        try await eventually { try await policyError(client)?.contains("tollgate.yaml:1") == true }
        try await eventually { sidecar.log.contains("policy reload failed; keeping the active policy") }
        try await untilMax(100)
        try sidecar.folder.write(Self.policy(max: 300), to: "tollgate.yaml")
        try await untilMax(300)
        try await eventually {
            sidecar.log.contains(" policy reloaded changed=user/requests/1h digest=")
                && sidecar.log.contains(" policy reloaded without changes digest=")
        }
        #expect(try await sidecar.stop() == 0)
    }

    @Test("an unreadable file is tried again without another change, and logged once")
    func unreadableOnce() async throws {
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(
            policy: Self.policy(max: 100), arguments: ["--redis", "\(redis.address)", "--deadline", "10s"])
        let client = try sidecar.client()
        func limitFiles(_ number: String) async throws {
            let command = try await Command.run(
                "prlimit", ["--pid", "\(sidecar.processIdentifier)", "--nofile=\(number):"])
            #expect(command.status == 0, "\(command.errors)")
        }
        // No file can be opened any more.
        try await limitFiles("3")
        try sidecar.folder.write(Self.policy(max: 200), to: "tollgate.yaml")
        try await eventually { sidecar.log.contains("tollgate.yaml: cannot be read") }
        try await eventually { try await policyError(client)?.contains("cannot be read") == true }
        try await limitFiles("256")
        try await eventually { try await client.ask("PEEK user=a")[0].contains(" max=200 ") }
        #expect(sidecar.log.components(separatedBy: "policy reload failed").count == 2)
        #expect(try await policyError(client) == nil)
        #expect(try await sidecar.stop() == 0)
    }

    @Test("requests that wait during a change of policy are counted together with later ones")
    func waitingRequests() async throws {
        try await withServer(policy: Self.policy(max: 100), adjust: { $0.workers = 1 }) { harness in
            let clients = try (0..<3).map { _ in try harness.client() }
            // Looks the scope up beforehand.
            _ = try await harness.ask("PEEK user=a")
            harness.redis.freeze(true)
            for (place, client) in clients.enumerated() {
                // One batch is in flight and the second is filling when the policy changes.
                if place == 2 {
                    harness.sidecar.activePolicy.install(try Policy(yaml: Self.policy(max: 50), file: "test.yaml"))
                    _ = try await harness.ask("STATUS")
                }
                try await client.send("CHECK user=a\n")
                // STATUS hops to the event loop: after its reply, all earlier work is done.
                _ = try await harness.ask("STATUS")
            }
            harness.redis.freeze(false)
            for (client, beginning) in zip(clients, ["max=100 used=1 ", "max=100 used=2 ", "max=50 used=3 "]) {
                let reply = try await client.readLine() ?? "(closed)"
                #expect(reply.hasPrefix("ALLOW limit=user:a/requests/1h \(beginning)"))
            }
            #expect(try harness.redis.hash("tollgate:user:a")["requests/1h.n"] == "3")
        }
    }

    @Test("no request is lost or counted twice while policies change under load")
    func exactUnderReloads() async throws {
        try await withServer(policy: Self.policy(max: 1_000_000)) { harness in
            let policies = try [500_000, 900_000].map { try Policy(yaml: Self.policy(max: $0), file: "test.yaml") }
            let loads = try (0..<12).map { _ in
                let client = try harness.client()
                return Task {
                    for _ in 0..<20 {
                        let replies = try await client.ask(Array(repeating: "RECORD user=a requests=1", count: 50))
                        #expect(replies.allSatisfy { $0 == "OK" })
                    }
                }
            }
            let reloading = Task {
                var rounds = 0
                while (try? await Task.sleep(for: .milliseconds(1))) != nil {
                    harness.sidecar.activePolicy.install(policies[rounds % 2])
                    rounds += 1
                }
                return rounds
            }
            for load in loads { try await load.value }
            reloading.cancel()
            #expect(await reloading.value > 0)
            #expect(try harness.redis.hash("tollgate:user:a")["requests/1h.n"] == "12000")
        }
    }

    @Test("a bad file of receivers is in STATUS, and the sidecar stays ready")
    func receivers() async throws {
        try await withServer { harness in
            #expect(harness.sidecar.receivers.reloadFailed("alerts.yaml:2: name: is missing"))
            #expect(await harness.sidecar.report().alerts.receiversError == "alerts.yaml:2: name: is missing")
            #expect(await harness.sidecar.isReady)
            _ = harness.sidecar.receivers.install([])
            #expect(await harness.sidecar.report().alerts.receiversError == nil)
        }
    }
}
