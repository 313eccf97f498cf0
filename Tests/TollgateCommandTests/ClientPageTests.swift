import Foundation
import Testing
import TollgateTestSupport

/// The programs in docs/clients.md, run as they are with each client.
@Suite struct ClientPageTests {
    /// A client whose program is run.
    struct Client: Sendable, CustomTestStringConvertible {
        var name: String
        /// The heading of its section.
        var section: String
        /// The interpreter of the program.
        var interpreter: String
        /// A command that exits with status 0 if the client is installed.
        var probe: [String]
        /// The prefix of the last line, which each client words differently.
        var error = "error: ERR bad_request user: expected key=value"
        /// Replacements that the page describes, for a client without its own program.
        var changes: [String: String] = [:]

        var testDescription: String { name }
    }

    private static let python = Python.program
    private static let pythonError = "error: bad_request user: expected key=value"

    static let clients = [
        Client(
            name: "redis-py", section: "redis-py", interpreter: python, probe: [python, "-c", "import redis"],
            error: pythonError),
        Client(
            name: "valkey-py", section: "redis-py", interpreter: python, probe: [python, "-c", "import valkey"],
            error: pythonError,
            changes: [
                "import redis\n": "import valkey as redis\n", "from redis.": "from valkey.",
                ", retry=Retry(NoBackoff(), 0)": "",
            ]),
        Client(
            name: "node-redis", section: "node-redis", interpreter: "node", probe: ["node", "-e", "require('redis')"]),
        Client(
            name: "phpredis", section: "phpredis", interpreter: "php",
            probe: ["php", "-r", "exit(extension_loaded('redis') ? 0 : 1);"]),
        Client(name: "redis-rb", section: "redis-rb", interpreter: "ruby", probe: ["ruby", "-e", "require 'redis'"]),
        Client(
            name: "Redis.pm", section: "Perl", interpreter: "perl", probe: ["perl", "-MRedis", "-e", "1"],
            error: "error: [check] ERR bad_request user: expected key=value"),
        Client(
            name: "nc", section: "nc", interpreter: "sh", probe: ["sh", "-c", "command -v nc"],
            error: "ERR bad_request user: expected key=value"),
        Client(
            name: "node:net", section: "Node.js without a package", interpreter: "node", probe: ["node", "-e", "0"],
            error: "ERR bad_request user: expected key=value"),
    ]

    /// The folder of Debian's Node modules, for a Node that is not Debian's.
    private static let environment = ["NODE_PATH": "/usr/share/nodejs"]
    /// `scripts/test` sets the Python. It has installed all clients, so none may be missing.
    private static let isComplete = ProcessInfo.processInfo.environment["TOLLGATE_TEST_PYTHON"] != nil

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("every runnable program of the page prints the shown output", arguments: clients)
    func programs(client: Client) async throws {
        guard try await isInstalled(client) else { return }
        let page = try Self.page()
        let shown = try #require(page["The programs"].flatMap(Self.block(of:)))
        var program = try #require(page[client.section].flatMap(Self.block(of:)))
        for (old, new) in client.changes {
            #expect(program.contains(old), "the page has no \(old)")
            program = program.replacing(old, with: new)
        }

        let sidecar = try await exampleSidecar()
        let folder = try TemporaryFolder()
        let file = try folder.write(program.replacing("7379", with: "\(sidecar.port)"), to: "program")
        let command = try await Command.run(
            client.interpreter, [file], environment: Self.environment)
        #expect(command.status == 0 && command.errors == "", "\(command.errors)")
        let printed = command.output.split(separator: "\n").map(String.init)
        let expected = shown.split(separator: "\n").map(String.init)
        #expect(printed.count == expected.count, "\(command.output)")
        for (line, shownLine) in zip(printed, expected.dropLast()) {
            let start = shownLine.prefix { $0 != "…" }
            #expect(line.hasPrefix(start) && (line.count == start.count) == (start.count == shownLine.count))
        }
        #expect(printed.last?.hasPrefix(client.error) == true, "\(command.output)")
        // Sent twice with one id, and counted once.
        #expect(try sidecar.redis.hash("tollgate:user:alice")["cost/day"] == "28500000")
    }

    @Test("the page states for every client whether its program is tested")
    func marks() throws {
        let page = try Self.page()
        let run = page.filter { $0.value.contains("**Run by a test**") }
        #expect(Set(run.keys) == Set(Self.clients.map(\.section)))
        let others = page.filter { $0.value.contains("**Not run**") }
        #expect(run.count == 7 && others.count == 6)
        #expect(Set(run.keys).isDisjoint(with: others.keys))
    }

    @Test("phpredis returns decisions in a pipeline, and true for OK")
    func phpPipelines() async throws {
        let client = try #require(Self.clients.first { $0.name == "phpredis" })
        guard try await isInstalled(client) else { return }
        let sidecar = try await exampleSidecar()
        let program = """
            $tollgate = new Redis();
            $tollgate->connect('127.0.0.1', (int) $argv[1]);
            $tollgate->pipeline();
            $tollgate->rawCommand('CHECK', 'user=alice');
            $tollgate->rawCommand('CHECK', 'user=alice', 'tool=createIssues', 'cost=2.50');
            $tollgate->rawCommand('RECORD', 'user=alice', 'cost=1');
            $tollgate->rawCommand('CHECK', 'user');
            foreach ($tollgate->exec() as $reply) {
                echo is_string($reply) ? strtok($reply, ' ') : json_encode($reply), "\n";
            }
            """
        let command = try await Command.run("php", ["-r", program, "\(sidecar.port)"])
        #expect(command.output == "ALLOW\nDENY\ntrue\nfalse\n", "\(command.errors)")
        #expect(try await sidecar.count("denied") == 1)
    }

    @Test("the drawings match the output of their script", .enabled(if: Python.isThere))
    func drawings() async throws {
        let command = try await Command.run(
            Python.program, ["-B", Self.root.appending(path: "docs/images/make.py").path, "--check"])
        #expect(command.status == 0, "\(command.errors)")
    }

    // MARK: - Around the programs

    /// Starts a sidecar with its own Redis and the policy of the page.
    private func exampleSidecar() async throws -> Sidecar {
        let policy = Self.root.appending(path: "tollgate.yaml")
        return try await Sidecar(policy: String(contentsOf: policy, encoding: .utf8))
    }

    private func isInstalled(_ client: Client) async throws -> Bool {
        let probe = try await Command.run(
            client.probe[0], Array(client.probe.dropFirst()), environment: Self.environment)
        #expect(probe.status == 0 || !Self.isComplete, "\(client.name) is not installed: \(probe.errors)")
        return probe.status == 0
    }

    /// The sections of the page by heading, each up to the next heading.
    private static func page() throws -> [String: String] {
        let text = try String(contentsOf: root.appending(path: "docs/clients.md"), encoding: .utf8)
        var sections: [String: String] = [:]
        var heading = ""
        var isCode = false
        for line in text.components(separatedBy: "\n") {
            if line.hasPrefix("```") { isCode.toggle() }
            if !isCode, line.hasPrefix("##") {
                heading = String(line.drop { $0 == "#" || $0 == " " })
            } else {
                sections[heading, default: ""] += line + "\n"
            }
        }
        return sections
    }

    /// The first fenced block of a section, without its fences.
    private static func block(of section: String) -> String? {
        let parts = section.components(separatedBy: "\n```")
        guard parts.count > 2, let end = parts[1].firstIndex(of: "\n") else { return nil }
        return String(parts[1][end...].dropFirst()) + "\n"
    }
}
