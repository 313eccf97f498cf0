import Foundation
import Testing
import TollgatePolicy
import TollgateServer
import TollgateTestSupport

@testable import tollgate

/// The profiles of `tollgate serve`.
@Suite struct ProfileTests {
    private static let risky = "defaults: { user: { requests: { 1m: 100, 1h: 100 } } }\n"

    /// Runs until the first error.
    private func serve(
        _ words: String..., in folder: TemporaryFolder, environment: [String: String] = [:]
    ) async throws -> Command {
        try await Command.run(
            SidecarProcess.program, ["serve"] + words, workingFolder: folder.path, environment: environment,
            patience: 20)
    }

    @Test("names that are unknown, and names without the profile prod, are errors from every source")
    func names() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("profile: prod\nallow: [open-listeners, all]\n", to: "settings.yaml")
        let unknown = """
            Error: --allow all: expected one of embedded-redis, open-listeners, policy-warnings, readable-secrets, \
            redis-eviction, redis-persistence, redis-replica, redis-unchecked\n
            """
        for command in [
            try await serve("--profile", "prod", "--allow", "open-listeners", "--allow", "all", in: folder),
            try await serve(
                in: folder, environment: ["TOLLGATE_PROFILE": "prod", "TOLLGATE_ALLOW": "open-listeners,all"]),
            try await serve("--config", file, in: folder),
        ] {
            #expect(command.errors == unknown)
            #expect(command.status == 1)
        }
        for words in [["--allow", "open-listeners"], ["--allow", "open-listeners", "--profile", "dev"]] {
            let command = try await Command.run(SidecarProcess.program, ["serve"] + words)
            #expect(command.errors == "Error: --allow: only --profile prod refuses what could be allowed\n")
        }
        let other = try await serve("--profile", "test", in: folder)
        #expect(other.errors == "Error: --profile test: expected dev or prod\n")
    }

    @Test(
        "prod lists everything that it refuses at once, with what to do and the name, and what is allowed is not listed"
    )
    func refusals() async throws {
        let folder = try TemporaryFolder()
        try folder.write(Self.risky, to: "tollgate.yaml")
        let access = try folder.write(
            "tokens:\n  - { name: ops, role: admin, token: a-token-of-an-admin }\n", to: "access.yaml")
        let alerts = try folder.write(
            "receivers:\n  - { name: hook, type: webhook, url: \"https://example.com/secret\" }\n", to: "alerts.yaml")
        let settings = try folder.write("redis: redis://:password@127.0.0.1:6379\n", to: "settings.yaml")
        for path in [access, alerts, settings] { chmod(path, 0o644) }
        let words = ["--profile", "prod", "--admin-access", access, "--alerts", alerts]
        func lines(_ more: [String]) async throws -> [String] {
            let command = try await Command.run(
                SidecarProcess.program, ["serve"] + words + more, workingFolder: folder.path, patience: 20)
            #expect(command.status == 1)
            let start = try #require(command.errors.range(of: "Error: --profile prod refuses to start:\n"))
            #expect(!command.errors.contains("a-token-of") && !command.errors.contains("password@"))
            return command.errors[start.upperBound...].split(separator: "\n").map(String.init)
        }
        let embedded = """
              --redis is not set: the embedded Redis shares no limits with other hosts, and its counters are lost with the folder \
            tollgate-data; name a Redis with --redis (or --allow embedded-redis)
            """
        let open = """
              --listen 127.0.0.1:7379: every user of this host can spend from the limits; set --token-file, or listen on unix:PATH \
            alone (or --allow open-listeners)
            """
        let secrets = [("--admin-access", access), ("--alerts", alerts)].map { name, path in
            "  \(name): every user of this host has access to the secret in \(path); run chmod 600 \(path) (or --allow readable-secrets)"
        }
        let policy = """
              --policy: tollgate.yaml:1: defaults.user.requests.1m: can never matter: requests/1h admits no more than 100 in a \
            longer time (line 1); change it so that it means what it says (or --allow policy-warnings)
            """
        #expect(try await lines([]) == [embedded, open] + secrets + [policy])
        #expect(try await lines(["--allow", "embedded-redis", "--allow", "policy-warnings"]) == [open] + secrets)
        let ofSettings = secrets[0].replacing("--admin-access", with: "--config").replacing(access, with: settings)
        #expect(
            try await lines(["--config", settings, "--listen", "unix:line.sock"]) == [ofSettings] + secrets + [policy])
        for path in [access, alerts] { chmod(path, 0o640) }
        #expect(try await lines([]) == [embedded, open, policy], "a group can need to read a secret in a container")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/tollgate-data"), "nothing was started")
    }

    @Test(
        "what prod refuses at the start is not reloaded either, and prod prints no link")
    func reloads() async throws {
        let (redis, folder) = (try TestRedis(arguments: ["--appendonly", "yes"]), try TemporaryFolder())
        let token = try folder.write("a-token-of-clients", to: "token")
        chmod(token, 0o600)
        let sidecar = try await SidecarProcess(
            policy: "no_limits: true\n",
            arguments: [
                "--profile", "prod", "--redis", "\(redis.address)", "--admin", "127.0.0.1:0", "--token-file", token,
            ], environment: ["TOLLGATE_TOKEN": "a-token-of-clients"])
        try sidecar.folder.write(Self.risky, to: "tollgate.yaml")
        let line =
            "policy reload failed; keeping the active policy: \(sidecar.policyPath):1: defaults.user.requests.1m: can"
        try await eventually { sidecar.log.contains(line) }
        #expect(sidecar.log.contains("--profile prod refuses a policy with warnings (or --allow policy-warnings)"))
        chmod(token, 0o644)
        let exposure =
            "--token-file: every user of this host has access to the secret in \(token); run chmod 600 \(token)"
        try await eventually { sidecar.log.contains("keeping the one in force: \(exposure)") }
        #expect(try await sidecar.client().ask("AUTH a-token-of-clients", "CHECK user=a") == ["OK", "ALLOW"])
        #expect(try await sidecar.stop() == 0)
        #expect(!sidecar.log.contains("sign-in"))
    }

    @Test("with a Redis that loses data, prod is not ready, says so once, and is ready when that is mended or allowed")
    func redis() async throws {
        let redis = try TestRedis()
        let arguments = ["--profile", "prod", "--redis", "\(redis.address)", "--deadline", "10s"]
        let sidecar = try await SidecarProcess(policy: "", arguments: arguments)
        func reasons() async throws -> String { try await sidecar.ask("GET", "/readyz").body }
        let reason = "Redis has no persistence: a restart loses every counter; set appendonly yes"
        try await eventually { try await reasons().contains("\(reason), or allow it with --allow redis-persistence") }
        #expect(try await sidecar.ask("GET", "/readyz").status == 503)
        #expect(try await sidecar.client().ask("STATUS")[0].contains(#""not_ready":["\#(reason)"#))
        let status = try await Command.run(
            SidecarProcess.program, ["status"], environment: ["TOLLGATE_CONNECT": "unix:\(sidecar.socketPath)"])
        #expect(status.status == 1 && status.output.hasPrefix("not ready\n"), "\(status.output)\(status.errors)")
        #expect(sidecar.log.components(separatedBy: "not ready: \(reason)").count == 2)
        try redis.cli("CONFIG", "SET", "appendonly", "yes")
        try await eventually { try await sidecar.ask("GET", "/readyz").status == 200 }
        #expect(
            sidecar.log.contains(" notice \"Redis has the settings") || sidecar.log.contains("Redis has the settings"))
        #expect(try await sidecar.stop() == 0)

        try redis.cli("CONFIG", "SET", "appendonly", "no")
        for (policy, allowed) in [("", ["--allow", "redis-persistence"]), ("history: []\nno_limits: true\n", [])] {
            let other = try await SidecarProcess(policy: policy, arguments: arguments + allowed)
            try await eventually { try await other.ask("GET", "/readyz").status == 200 }
            #expect(try await other.stop() == 0)
        }
    }

    @Test("dev prints the addresses, commands and a link that signs in once; without a profile nothing is printed")
    func dev() async throws {
        let redis = try TestRedis()
        let arguments = ["--redis", "\(redis.address)", "--deadline", "10s", "--admin", "127.0.0.1:0"]
        let sidecar = try await SidecarProcess(policy: "", arguments: ["--profile", "dev"] + arguments)
        try await eventually { sidecar.log.contains("later: tollgate dashboard") }
        let lines = sidecar.log.split(separator: "\n")
        func line(_ beginning: String) throws -> Substring {
            try #require(lines.first { $0.hasPrefix("  \(beginning)") }, "\(sidecar.log)")
        }
        #expect(try line("clients    ") == "  clients    unix:\(sidecar.socketPath)")
        let link = try line("dashboard  ").dropFirst(13)
        let port = try #require(
            link.dropFirst("http://127.0.0.1:".count).split(separator: "/").first.flatMap { Int($0) })
        #expect(sidecar.log.contains("token in tollgate-data/admin-token\n"))
        let token = try String(contentsOfFile: sidecar.folder.path + "/tollgate-data/admin-token", encoding: .utf8)
        #expect(!sidecar.log.contains(token.trimmingCharacters(in: .whitespacesAndNewlines)))
        // The printed commands work as they are.
        let folder = URL(fileURLWithPath: SidecarProcess.program).deletingLastPathComponent().path
        let path = "\(folder):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
        for (beginning, output) in [("tollgate check", "ALLOW"), ("redis-cli", "ALLOW"), ("tollgate tier", "no tiers")]
        {
            let words = try #require(lines.first { $0.contains("           \(beginning)") }).drop { $0 == " " }
            let command = try await Command.run(
                "sh", ["-c", String(words)], workingFolder: sidecar.folder.path, environment: ["PATH": path])
            #expect(command.output.contains(output), "\(words): \(command.output)\(command.errors)")
        }
        let code = try #require(link.split(separator: "/").last)
        for status in [200, 401] {
            let client = try SocketClient(.tcp(port: port))
            try await client.send("GET /\(code) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            #expect(try await client.readLine()?.hasPrefix("HTTP/1.1 \(status) ") == true)
        }
        #expect(try await sidecar.stop() == 0)
        let other = try await SidecarProcess(policy: "", arguments: arguments)
        #expect(try await other.stop() == 0)
        #expect(!other.log.contains("sign-in"))
    }

    @Test("the lines of dev name the options that an address or a token needs")
    func guide() {
        var guide = DevGuide(
            clients: [.tcp(host: "127.0.0.1", port: 7379)], token: nil, admin: .tcp(host: "127.0.0.1", port: 7380),
            adminTokenFile: "tollgate-data/admin-token", link: (path: "/sign-in?code=x", minutes: 10))
        #expect(
            guide.text == """

                The profile dev prints these lines. They are not for production.

                  clients    127.0.0.1:7379
                             tollgate check user=alice
                             redis-cli -p 7379 CHECK user=alice
                  admin API  http://127.0.0.1:7380
                             token in tollgate-data/admin-token
                             tollgate tier list
                  dashboard  http://127.0.0.1:7380/sign-in?code=x
                             signs in once, within 10 minutes; later: tollgate dashboard


                """)
        guide.clients = [.unix(path: "/tmp/a b.sock"), .tcp(host: "0.0.0.0", port: 1)]
        guide.token = .file("my token")
        guide.admin = .tcp(host: "10.0.0.1", port: 80)
        guide.adminTokenFile = nil
        guide.link = nil
        for part in [
            "unix:/tmp/a b.sock\n             0.0.0.0:1\n",
            "tollgate check user=alice --connect 'unix:/tmp/a b.sock' --token-file 'my token'\n",
            "redis-cli -s '/tmp/a b.sock' -a \"$(cat 'my token')\" CHECK user=alice\n",
            "admin API  http://10.0.0.1:80\n             tollgate tier list --admin 10.0.0.1:80 --admin-token-file FILE\n",
            "sign in there with a token of --admin-access\n",
        ] {
            #expect(guide.text.contains(part), "\(guide.text)")
        }
        guide.clients = [.tcp(host: "10.0.0.1", port: 9)]
        guide.token = .environment
        guide.admin = nil
        #expect(guide.text.contains("redis-cli -h 10.0.0.1 -p 9 -a \"$TOLLGATE_TOKEN\" CHECK user=alice\n"))
        #expect(guide.text.contains("  admin API  off\n") && !guide.text.contains("dashboard"))
    }
}
