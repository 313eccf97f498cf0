import Foundation
import Testing
import TollgateTestSupport

/// The settings of `tollgate serve`, and errors about invalid ones.
@Suite struct ServeSettingsTests {
    /// Runs until the first error. All settings are validated before anything starts.
    private func serve(
        _ arguments: String..., environment: [String: String] = [:], workingFolder: String? = nil
    ) async throws -> Command {
        try await Command.run(
            SidecarProcess.program, ["serve"] + arguments, workingFolder: workingFolder, environment: environment,
            patience: 20)
    }

    @Test("flags override the environment, the file and defaults, in this order")
    func precedence() async throws {
        let redis = try TestRedis()
        let folder = try TemporaryFolder()
        let file = try folder.write("namespace: from-file\n", to: "settings.yaml")
        let config = ["--config", file]
        let environment = ["TOLLGATE_NAMESPACE": "from-environment"]
        let cases: [(arguments: [String], environment: [String: String], namespace: String)] = [
            (config + ["--namespace", "from-flag"], environment, "from-flag"),
            (config, environment, "from-environment"),
            ([], environment.merging(["TOLLGATE_CONFIG": file]) { $1 }, "from-environment"),
            (config, [:], "from-file"),
            ([], ["TOLLGATE_CONFIG": file], "from-file"),
            ([], [:], "tollgate"),
        ]
        for (arguments, environment, namespace) in cases {
            let sidecar = try await SidecarProcess(
                policy: "defaults: { user: { requests: { 1h: 5 } } }",
                arguments: ["--redis", "\(redis.address)", "--deadline", "10s"] + arguments, environment: environment)
            #expect(try await sidecar.client().ask("CHECK user=alice")[0].hasPrefix("ALLOW limit=user:alice/"))
            #expect(try redis.cli("KEYS", "*:user:alice") == "\(namespace):user:alice")
            try redis.cli("FLUSHALL")
            #expect(try await sidecar.stop() == 0)
        }
    }

    @Test("the file can set every option, listen also as a list")
    func wholeFile() async throws {
        let redis = try TestRedis()
        let folder = try TemporaryFolder()
        let token = try folder.write("sesame-open-sesame", to: "token")
        let file = try folder.write(
            """
            listen: ["unix:\(folder.path)/a.sock", "unix:\(folder.path)/b.sock"]
            redis: \(redis.address)
            namespace: mine
            partitions: 4
            workers: 1
            deadline: 10s
            idle-timeout: off
            log-level: debug
            log-format: json
            max-connections: 2
            token-file: \(token)
            policy: ignored because of the flag
            data: \(folder.path)/data
            admin: unix:\(folder.path)/admin.sock
            admin-host: [limits.example, 10.0.0.1]
            """, to: "settings.yaml")
        let sidecar = try await SidecarProcess(
            policy: "", arguments: ["--config", file, "--listen", "127.0.0.1:0"],
            environment: ["TOLLGATE_TOKEN": "sesame-open-sesame"])
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/a.sock"), "the flag comes first")
        #expect(try await sidecar.stop() == 0)

        let policy = try folder.write("no_limits: true", to: "tollgate.yaml")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: SidecarProcess.program)
        process.arguments = ["serve", "--config", file, "--policy", policy]
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer { process.terminate() }
        try await eventually {
            let client = try? SocketClient(.unix(path: folder.path + "/b.sock"))
            return try await client?.ask("AUTH sesame-open-sesame", "STATUS")[1].contains(#""links":["ready"]"#)
                ?? false
        }
        try await eventually { try await self.connections(folder.path + "/b.sock") == 1 }
        let client = try SocketClient(.unix(path: folder.path + "/a.sock"))
        #expect(try await client.ask("PING") == ["ERR unauthenticated AUTH with the token first"])
        let others = try (0..<2).map { _ in try SocketClient(.unix(path: folder.path + "/b.sock")) }
        #expect(try await others[1].readLine() == "-ERR busy too many connections")
        #expect(try await client.ask("AUTH sesame-open-sesame", "PING") == ["OK", "PONG"])
    }

    private func connections(_ path: String) async throws -> Int? {
        let info = try await SocketClient(.unix(path: path)).ask("AUTH sesame-open-sesame", "STATUS")[1]
        return info.split(separator: #""connections":"#).dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) }
    }

    static let badValues = [
        ("workers", "many", "--workers many: expected a whole number"),
        ("workers", "0", "--workers 0: expected 1 to 256"),
        ("deadline", "250", "--deadline 250: expected a duration such as 250ms, 5s or 10m"),
        ("deadline", "2h", "--deadline: expected 1ms to 60s"),
        ("idle-timeout", "soon", "--idle-timeout soon: expected a duration such as 5s or 10m, or off"),
        ("idle-timeout", "25h", "--idle-timeout: expected 10ms to 24h, or off"),
        (
            "log-level", "loud",
            "--log-level loud: expected trace, debug, info, notice, warning, error or critical"
        ),
        ("log-format", "xml", "--log-format xml: expected text or json"),
        ("max-connections", "1e3", "--max-connections 1e3: expected a whole number"),
        ("max-connections", "0", "--max-connections 0: expected 1 to 1000000"),
        ("namespace", "a b", "--namespace a b: expected 1 to 64 of A-Z a-z 0-9 _ . - :"),
        ("partitions", "0", "--partitions 0: expected 1 to 16384"),
        ("partitions", "16385", "--partitions 16385: expected 1 to 16384"),
        ("partitions", "few", "--partitions few: expected a whole number"),
        ("listen", "7379", "--listen 7379: expected host:port (port 0 to 65535) or unix:PATH"),
        ("listen", "127.0.0.1:70000", "--listen 127.0.0.1:70000: expected host:port (port 0 to 65535) or unix:PATH"),
        ("redis", "http://localhost", "--redis: expected an address that starts with redis:// or unix://"),
        ("redis", "rediss://localhost", "--redis: TLS (rediss://) is not supported yet; use redis:// or unix://"),
        ("token-file", "/no/such/token", "--token-file /no/such/token: does not exist"),
        ("admin", "7380", "--admin 7380: expected host:port (port 0 to 65535) or unix:PATH, or off"),
        (
            "admin", "0.0.0.0:7380",
            "--admin 0.0.0.0:7380: an address beyond loopback requires --admin-access with a file of tokens"
        ),
        (
            "admin-host", "limits.example:443",
            "--admin-host limits.example:443: expected a host name or address without a port"
        ),
        ("alerts", "/no/such.yaml", "--alerts /no/such.yaml: does not exist"),
        (
            "policy", "/no/such.yaml",
            "/no/such.yaml: does not exist; write an example there: tollgate policy example > /no/such.yaml"
        ),
    ]

    @Test("an invalid value is one sentence that names the option, from every source", arguments: badValues)
    func badValue(name: String, value: String, sentence: String) async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("\(name): \"\(value)\"\n", to: "settings.yaml")
        let variable = "TOLLGATE_" + name.uppercased().replacing("-", with: "_")
        for command in [
            try await serve("--\(name)", value), try await serve(environment: [variable: value]),
            try await serve("--config", file),
        ] {
            #expect(command.errors == "Error: \(sentence)\n")
            #expect(command.output == "")
            #expect(command.status == 1)
        }
    }

    static let badFiles = [
        (
            "workers: 2\nlistn: 127.0.0.1:1\n",
            "settings.yaml:2: unknown setting listn; expected one of policy, prices, listen, redis, "
        ),
        ("workers: [\n", "settings.yaml:2: not valid YAML: "),
        ("workers: 1\nworkers: 2\n", "settings.yaml:2: duplicate key workers (first on line 1)"),
        ("", "settings.yaml:1: expected a map of settings"),
        ("- workers\n", "settings.yaml:1: expected a map of settings"),
        ("deadline: 1s\nworkers: [1, 2]\n", "settings.yaml:2: workers: expected a single value"),
        ("listen: { a: b }\n", "settings.yaml:1: listen: expected a single value"),
        ("token: secret\n", "settings.yaml:1: unknown setting token; expected one of "),
    ]

    @Test("an invalid settings file is one sentence that names the file and the line", arguments: badFiles)
    func badFile(text: String, sentence: String) async throws {
        let folder = try TemporaryFolder()
        try folder.write(text, to: "settings.yaml")
        let command = try await serve("--config", "settings.yaml", workingFolder: folder.path)
        #expect(command.errors.hasPrefix("Error: " + sentence), "\(command.errors)")
        #expect(command.errors.split(separator: "\n").count == 1)
        #expect(command.status == 1)
    }

    @Test("a missing settings file is named")
    func noFile() async throws {
        let command = try await serve("--config", "/no/such/settings.yaml")
        #expect(command.errors == "Error: --config /no/such/settings.yaml: does not exist\n")
        #expect(command.status == 1)
    }

    /// The other files that it reads, each emptied or truncated: the option, the file, and the content of files that it
    /// names.
    static let cutFiles: [(option: String, text: String, other: String)] = [
        ("token-file", "", ""), ("token-file", " \n", ""), ("admin-access", "", ""), ("admin-access", "tokens:\n", ""),
        ("admin-access", "tokens:\n  - { name: ops, role: admin, tok", ""),
        ("admin-access", "jwt: { keys: other, audience: a, roles: { admin: a } }", ""),
        ("admin-access", "jwt: { keys: other, audience: a, roles: { admin: a } }", #"{"keys":[{"kty":"EC","crv":"P-2"#),
        ("admin-access", "jwt: { keys: other, audience: a, roles: { admin: a } }", #"{"keys":[]}"#),
        ("admin-access", "jwt: { secret_file: other, audience: a, roles: { admin: a } }", ""),
        ("alerts", "", ""), ("alerts", "receivers:\n", ""), ("alerts", "receivers:\n  - { name: a, type: sla", ""),
        ("alerts", "receivers:\n  - { name: a, type: slack, url_file: other }", ""),
    ]

    @Test(
        "an empty or truncated file of tokens, keys or receivers is an error at startup", arguments: cutFiles)
    func cutFile(option: String, text: String, other: String) async throws {
        let folder = try TemporaryFolder()
        try folder.write("no_limits: true", to: "tollgate.yaml")
        try folder.write(other, to: "other")
        let file = try folder.write(text, to: "file.yaml")
        let command = try await serve("--\(option)", file, "--listen", "unix:s", workingFolder: folder.path)
        #expect(command.errors.hasPrefix("Error: "), "\(command.errors)")
        #expect(command.errors.contains("file.yaml") || command.errors.contains("other"), "\(command.errors)")
        #expect(command.status == 1)
    }

    @Test("listening beyond loopback without a token is an error", arguments: ["0.0.0.0:0", "[::]:0", "example.com:0"])
    func openListener(address: String) async throws {
        let command = try await serve("--listen", "127.0.0.1:0", "--listen", address)
        #expect(
            command.errors
                == "Error: --listen \(address): listening beyond loopback needs a token; set one with --token-file or TOLLGATE_TOKEN\n"
        )
        #expect(command.status == 1)
    }

    @Test("a token that is too short is one sentence that names its source")
    func shortToken() async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("fifteen letters\n", to: "token")
        let fromFile = try await serve("--token-file", file)
        #expect(fromFile.errors == "Error: --token-file \(file): expected 16 to 512 bytes\n")
        let fromEnvironment = try await serve(environment: ["TOLLGATE_TOKEN": "fifteen letters"])
        #expect(fromEnvironment.errors == "Error: TOLLGATE_TOKEN: expected 16 to 512 bytes\n")
        #expect(fromFile.status == 1 && fromEnvironment.status == 1)
    }

    @Test(
        "a token that no client can send is an error that names its source",
        arguments: [
            ("sesame-open\u{1}sesame", "contains a control character, which no client can send"),
            ("sesame-open\tsesame", "contains a control character, which no client can send"),
            ("sesame-open\nsesame-open", "expected one line"),
            ("\u{FEFF}sesame-open-sesame", "begins with a byte order mark; save it as UTF-8 without one"),
        ])
    func impossibleToken(token: String, sentence: String) async throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(token + "\n", to: "token")
        #expect(try await serve("--token-file", file).errors == "Error: --token-file \(file): \(sentence)\n")
        let fromEnvironment = try await serve(environment: ["TOLLGATE_TOKEN": token])
        #expect(fromEnvironment.errors == "Error: TOLLGATE_TOKEN: \(sentence)\n")
        let ping = try await Command.run(SidecarProcess.program, ["ping"], environment: ["TOLLGATE_TOKEN": token])
        #expect(ping.errors == "TOLLGATE_TOKEN: \(sentence)\n")
    }

    @Test("a token file that others can read causes a warning in the log", arguments: [0o644, 0o600])
    func tokenFileMode(mode: Int) async throws {
        let redis = try TestRedis()
        let folder = try TemporaryFolder()
        let file = try folder.write("sesame-open-sesame", to: "token")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        let sidecar = try await SidecarProcess(
            policy: "", arguments: ["--redis", "\(redis.address)", "--token-file", file],
            environment: ["TOLLGATE_TOKEN": "sesame-open-sesame"])
        let warning = "--token-file \(file): is readable by others; run chmod 600 \(file)"
        #expect(sidecar.log.contains(warning) == (mode == 0o644))
        #expect(try await sidecar.stop() == 0)
    }

    @Test("with a token, it can listen on every interface")
    func openListenerWithToken() async throws {
        let redis = try TestRedis()
        let sidecar = try await SidecarProcess(
            policy: "", arguments: ["--redis", "\(redis.address)", "--listen", "0.0.0.0:0"],
            environment: ["TOLLGATE_TOKEN": "sesame-open-sesame"])
        #expect(try await sidecar.stop() == 0)
    }
}
