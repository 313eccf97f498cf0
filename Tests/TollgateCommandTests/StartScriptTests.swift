import Foundation
import Testing
import TollgateTestSupport

/// scripts/run and scripts/install-dependencies, with programs of this test in place of swift, sudo and apt-get.
@Suite struct StartScriptTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    private let folder: TemporaryFolder
    private let programs: String

    init() throws {
        folder = try TemporaryFolder()
        programs = folder.path + "/bin"
        try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
        try program("swift", Self.swift(version: "6.1.2"))
    }

    /// A swift that builds nothing: the program of these tests is built.
    private static func swift(version: String) -> String {
        let built = URL(fileURLWithPath: SidecarProcess.program).deletingLastPathComponent().path
        return """
            case "$*" in
            *--version*) echo "Swift version \(version) (swift-\(version)-RELEASE)" ;;
            *--show-bin-path*) echo "\(built)" ;;
            esac
            """
    }

    private func program(_ name: String, _ script: String) throws {
        let path = try folder.write("#!/bin/sh\n\(script)\n", to: "bin/\(name)")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }

    /// Runs a script with this test's programs before those of the system.
    private func run(_ script: String, environment: [String: String] = [:]) async throws -> Command {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        return try await Command.run(
            "bash", ["-c", script], workingFolder: folder.path,
            environment: ["PATH": "\(programs):\(path)", "CI": ""].merging(environment) { $1 })
    }

    // MARK: - scripts/run

    @Test("scripts/run starts in the folder it is called from, with relative paths and the example policy")
    func runsAnywhere() async throws {
        let script = """
            "\(Self.root)/scripts/run" --listen unix:line.sock --admin unix:admin.sock 2>log &
            for _ in $(seq 600); do
                "\(SidecarProcess.program)" ping --connect unix:line.sock >/dev/null 2>&1 && break
                kill -0 $! || exit 3
                sleep 0.05
            done
            "\(SidecarProcess.program)" check tool=createIssues --connect unix:line.sock
            kill $!
            wait $!
            """
        let command = try await run(script)
        let log = try String(contentsOfFile: folder.path + "/log", encoding: .utf8)
        #expect(command.status == 0, "\(command.errors)\(log)")
        #expect(command.output.hasPrefix("ALLOW limit=tool:createIssues/requests/1m max=10"), "\(command.output)\(log)")
        #expect(FileManager.default.fileExists(atPath: folder.path + "/tollgate-data/journal.sqlite"))
    }

    @Test("scripts/run uses the policy of the folder, and that of --policy before it")
    func policyOfTheFolder() async throws {
        try folder.write("defaults: { user: { requests: { 1m: none } } }\n", to: "tollgate.yaml")
        let own = try await run(#""\#(Self.root)/scripts/run""#)
        #expect(own.status != 0)
        #expect(own.errors.contains("tollgate.yaml:1: defaults.user.requests.1m:"), "\(own.errors)")
        let given = try await run(#""\#(Self.root)/scripts/run" --policy other.yaml"#)
        #expect(given.errors.contains("other.yaml: does not exist"), "\(given.errors)")
    }

    // MARK: - scripts/install-dependencies

    @Test(
        "an old Swift or Redis is an error that says which version is needed",
        arguments: [
            ("swift", swift(version: "5.10"), "swift in PATH is version 5.10: install Swift 6.1 or later"),
            (
                "redis-server", "echo 'Redis server v=6.0.16 sha=00000000:0 malloc=jemalloc'",
                "redis-server in PATH is version 6.0.16: Tollgate needs 7.0 or later"
            ),
        ])
    func oldVersions(name: String, script: String, sentence: String) async throws {
        try program(name, script)
        let command = try await run(#""\#(Self.root)/scripts/install-dependencies""#)
        #expect(command.status == 1)
        #expect(command.errors.contains(sentence), "\(command.errors)")
    }

    @Test("an unknown option of scripts/install-dependencies is an error")
    func unknownOption() async throws {
        let command = try await run(#""\#(Self.root)/scripts/install-dependencies" --tests"#)
        #expect(command.status == 64)
        #expect(command.errors.contains("unknown option --tests; expected --test, --valgrind, --package or --yes"))
    }

    /// A PATH without Redis, for a user who is not root. sudo installs a Redis here, and notes what policy-rc.d says.
    private func withoutRedis() throws -> [String: String] {
        for name in ["bash", "sh", "sed", "head", "sort", "dirname", "grep", "env", "cat", "rm", "chmod"] {
            let path = ["/usr/bin/\(name)", "/bin/\(name)"].first(where: FileManager.default.fileExists)
            try FileManager.default.createSymbolicLink(
                atPath: "\(programs)/\(name)", withDestinationPath: try #require(path))
        }
        try program("id", "echo 1000")
        try program("apt-get", "exit 9")
        try program(
            "sudo",
            """
            cd "\(folder.path)"
            echo "$*" >>asked
            case "$*" in
            tee*) cat >policy-rc.d ;;
            *install*)
                sh policy-rc.d; echo $? >while-running
                printf '#!/bin/sh\\necho "Redis server v=7.0.15 sha=0"\\n' >bin/redis-server
                chmod +x bin/redis-server ;;
            esac
            """)
        return ["PATH": programs]
    }

    @Test("nothing is installed with sudo before --yes is given, or the question is answered")
    func asksBeforeSudo() async throws {
        let environment = try withoutRedis()
        let silent = try await run(#""\#(Self.root)/scripts/install-dependencies""#, environment: environment)
        #expect(silent.status == 1)
        #expect(silent.errors.contains("redis-server"), "\(silent.errors)")
        #expect(silent.errors.contains("run scripts/install-dependencies --yes"), "\(silent.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/asked"))

        let told = try await run(#""\#(Self.root)/scripts/install-dependencies" --yes"#, environment: environment)
        #expect(told.status == 0, "\(told.errors)")
        let asked = try String(contentsOfFile: folder.path + "/asked", encoding: .utf8)
        #expect(asked.contains("apt-get install"), "\(asked)")
    }

    /// Runs scripts/install-dependencies at a terminal, and answers its question. Prints what the terminal shows.
    private static let answering = """
        import os, pty, sys
        script, path, answer = sys.argv[1:]
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ["PATH"] = path
            os.execv(script, [script])
        shown, answered = b"", False
        try:
            while chunk := os.read(terminal, 65536):
                shown += chunk
                if not answered and b"[y/N] " in shown:
                    os.write(terminal, answer.encode() + b"\\n")
                    answered = True
        except OSError:
            pass
        sys.stdout.buffer.write(shown)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """

    @Test(
        "at a terminal it names what is missing and asks, and installs only after a yes",
        .enabled(if: Python.isThere), arguments: [("", false), ("n", false), ("no", false), ("x", false), ("y", true)])
    func asksAtTerminal(answer: String, installs: Bool) async throws {
        let path = try #require(try withoutRedis()["PATH"])
        let command = try await Command.run(
            Python.program,
            ["-c", Self.answering, Self.root + "/scripts/install-dependencies", path, answer],
            environment: ["CI": ""])
        #expect(command.output.contains("redis-server"), "\(command)")
        #expect(command.output.contains("Install these packages with sudo apt-get? [y/N] "), "\(command)")
        #expect(command.output.contains("nothing was installed") == !installs, "\(command)")
        #expect(command.status == (installs ? 0 : 1), "\(command)")
        #expect(FileManager.default.fileExists(atPath: folder.path + "/asked") == installs)
    }

    @Test(
        "services cannot start during the installation, and a killed one leaves nothing that forbids them",
        .enabled(if: !FileManager.default.fileExists(atPath: "/usr/sbin/policy-rc.d")))
    func serviceStart() async throws {
        let environment = try withoutRedis()
        let command = try await run(#""\#(Self.root)/scripts/install-dependencies" --yes"#, environment: environment)
        #expect(command.status == 0, "\(command.errors)")
        #expect(try String(contentsOfFile: folder.path + "/while-running", encoding: .utf8) == "101\n")
        // As a killed script would have left it: sudo has removed nothing here.
        let left = try await Command.run("sh", [folder.path + "/policy-rc.d"])
        #expect(left.status == 0)
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/policy-rc.d"))
    }
}
