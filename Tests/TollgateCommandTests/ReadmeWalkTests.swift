import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

/// The commands in README, the quickstart and the admin API page, run as they are with a real sidecar.
@Suite struct ReadmeWalkTests {
    @Test("every command in README prints the shown output", .timeLimit(.minutes(2)))
    func readme() async throws {
        try await waitOutMidnight()
        let blocks = try PageWalk.blocks(of: "A first look", in: "README.md")
        try await walk(blocks, in: TemporaryFolder(), least: 6)
    }

    @Test(
        "the Python code in README and the quickstart runs unchanged",
        .enabled(if: Python.hasRedis, "needs a Python with the package redis: run scripts/test"),
        arguments: [("README.md", "From your code"), ("docs/quickstart.md", "From Python")])
    func python(page: String, title: String) async throws {
        let sidecar = try await Sidecar(policy: try Self.examplePolicy())
        let blocks = try PageWalk.blocks(of: title, in: page)
        let script = try #require(blocks.first { $0.first?.hasPrefix("import uuid") == true })
        let text = script.joined(separator: "\n").replacing("port=7379", with: "port=\(sidecar.port)")
        let command = try await Command.run(Python.program, ["-c", text])
        #expect(command.status == 0, "\(command.errors)")
        #expect(try sidecar.redis.hash("tollgate:user:dave")["cost/day"] == "18500000")
    }

    @Test("the example in the policy page is valid")
    func policy() throws {
        let blocks = try PageWalk.blocks(of: "An example", in: "docs/policy.md")
        let example = try #require(blocks.first)
        let policy = try Policy(wholeFile: example.joined(separator: "\n"), file: "docs/policy.md")
        #expect(policy.warnings.isEmpty, "\(policy.warnings)")
        #expect(policy.tiers.count == 2)
    }

    @Test("every command of the quickstart prints the shown output", .timeLimit(.minutes(2)))
    func quickstart() async throws {
        let blocks = try PageWalk.blocks(of: "First requests", in: "docs/quickstart.md")
        try await walk(blocks, in: TemporaryFolder(), least: 12)
    }

    @Test("every command of the walkthrough of prices prints the shown output", .timeLimit(.minutes(2)))
    func prices() async throws {
        try await waitOutMidnight()
        let blocks = try PageWalk.blocks(of: "A walk", in: "docs/prices.md")
        let policy = try #require(blocks.first { $0.first == "currency: USD" })
        try await walk(blocks, in: TemporaryFolder(), policy: policy.joined(separator: "\n"), least: 3)
        let table = try #require(try PageWalk.blocks(of: "Prices", in: "docs/prices.md").first)
        #expect(try PriceFile(yaml: table.joined(separator: "\n"), file: "prices.yaml").table.count == 5)
    }

    @Test("every command of the walkthrough of tiers and overrides prints the shown output", .timeLimit(.minutes(2)))
    func tiers() async throws {
        let blocks = try PageWalk.blocks(of: "A walk through tiers and overrides", in: "docs/admin-api.md")
        try await walk(blocks, in: TemporaryFolder(), least: 11)
    }

    @Test("every command of the walkthrough of costs and alerts prints the shown output", .timeLimit(.minutes(2)))
    func alerts() async throws {
        try await waitOutMidnight()
        let blocks = try PageWalk.blocks(of: "Costs, reports and alerts", in: "docs/quickstart.md")
        let files = try #require(blocks.first { $0.last == "scripts/run --alerts alerts.yaml" }).dropLast()
        let port = try #require(findFreePort())
        let folder = try TemporaryFolder()
        _ = try await Command.run(
            "/bin/bash", ["-s"],
            input: files.joined(separator: "\n").replacing("127.0.0.1:9000", with: "127.0.0.1:\(port)"),
            workingFolder: folder.path)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/Examples", withDestinationPath: PageWalk.root.appending(path: "Examples").path)
        try await walk(
            blocks, in: folder, arguments: ["--alerts", "alerts.yaml"],
            replacing: ["receiver.py 9000": "receiver.py \(port)", "127.0.0.1:9000": "127.0.0.1:\(port)"], least: 17)
    }

    /// Waits past midnight, because a walk must not span two days.
    private func waitOutMidnight() async throws {
        let left = 86_400 - Date.now.timeIntervalSince1970.truncatingRemainder(dividingBy: 86_400)
        if left < 60 { try await Task.sleep(for: .seconds(left + 1)) }
    }

    /// Runs a walk.
    ///
    /// - Parameter replaced: Texts of the page that differ here.
    private func walk(
        _ blocks: [[String]], in folder: TemporaryFolder, policy: String? = nil, arguments: [String] = [],
        replacing replaced: [String: String] = [:], least: Int
    ) async throws {
        let steps = blocks.filter { $0.first?.hasPrefix("$ ") == true }.flatMap(PageWalk.steps)
        #expect(steps.count >= least)
        func here(_ text: String) -> String { replaced.reduce(text) { $0.replacing($1.key, with: $1.value) } }
        let sidecar = try await SidecarProcess(
            policy: try policy ?? Self.examplePolicy(),
            arguments: ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--deadline", "10s"] + arguments,
            folder: folder)
        let outputs = try await run(steps.map { here($0.command) }, beside: sidecar)
        try #require(outputs.count == steps.count, "\(outputs)")
        for (step, output) in zip(steps, outputs) {
            let came = PageWalk.lines(of: output)
            let shown = step.shown.map { PageWalk.settled(here($0)) }
            #expect(PageWalk.matches(came[...], shown[...]), "$ \(step.command)\n\(output)")
        }
        #expect(!sidecar.log.contains("readable by others"), "\(sidecar.log)")
        #expect(try await sidecar.stop() == 0)
    }

    @Test("shown and actual output are compared")
    func matching() {
        #expect(PageWalk.matches(["a", "b 1", "c"], ["a", "b …", "c"]))
        #expect(PageWalk.matches(["a", "x", "y", "c"], ["a", "…", "c"]))
        #expect(PageWalk.matches(["a", "c"], ["a", "…", "c"]))
        #expect(!PageWalk.matches(["a", "b"], ["a"]))
        #expect(!PageWalk.matches(["a"], ["a", "b"]))
        #expect(!PageWalk.matches(["a", "x"], ["a", "b …"]))
        #expect(PageWalk.settled("until 2026-11-21T16:46:34Z: x") == PageWalk.settled("until 2027-01-01T00:00:00Z: x"))
        #expect(PageWalk.settled("max=60 reset=61.6") == PageWalk.settled("max=60 reset=7"))
        #expect(PageWalk.settled("max=60 reset=61.6") != PageWalk.settled("max=61 reset=61.6"))
        #expect(
            PageWalk.settled("DENY retry_after=58.24 source=scope")
                == PageWalk.settled("DENY retry_after=9 source=scope"))
        #expect(PageWalk.settled("reset=61 reservation=AbJl") == PageWalk.settled("reset=61.5 reservation=Zm9v"))
    }

    // MARK: - Pages

    private static func examplePolicy() throws -> String {
        try String(contentsOf: PageWalk.root.appending(path: "tollgate.yaml"), encoding: .utf8)
    }

    // MARK: - Running

    /// Runs all commands in one bash, as a reader would, and returns the output of each.
    private func run(_ commands: [String], beside sidecar: SidecarProcess) async throws -> [String] {
        let port = try await Self.port(in: sidecar, of: " listen=")
        let adminPort = try await Self.port(in: sidecar, of: " admin=")
        let script = commands.map { command in
            let text = command.replacing("-p 7379", with: "-p \(port)")
                .replacing("nc -N 127.0.0.1 7379", with: "nc -N 127.0.0.1 \(port)")
                .replacing("127.0.0.1:7380", with: "127.0.0.1:\(adminPort)")
                .replacing(".build/release/tollgate", with: "tollgate")
            return "\(text)\nprintf '=== %s\\n' $?\n"
        }.joined()
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let programs = URL(fileURLWithPath: SidecarProcess.program).deletingLastPathComponent().path
        // Test threads block signals, and child processes inherit this: `kill` would have no effect.
        let start =
            "import os, signal; signal.pthread_sigmask(signal.SIG_SETMASK, []); os.execvp('bash', ['bash', '-s'])"
        let bash = try await Command.run(
            Python.program, ["-c", start], input: "exec 2>&1\n" + script, workingFolder: sidecar.folder.path,
            environment: [
                "PATH": "\(programs):\(path)", "LC_ALL": "C.UTF-8", "TOLLGATE_ADMIN_CONNECT": "127.0.0.1:\(adminPort)",
                "TOLLGATE_CONNECT": "127.0.0.1:\(port)",
            ])
        let outputs = bash.output.components(separatedBy: "=== 0\n")
        #expect(outputs.last == "", "\(bash.output)")
        return outputs.dropLast()
    }

    private static func port(in sidecar: SidecarProcess, of field: String) async throws -> Int {
        var port: Int?
        try await eventually {
            let line = sidecar.log.split(separator: "\n").first { $0.contains("tollgate started") }
            let value = line.flatMap { line in line.range(of: field).map { line[$0.upperBound...] } }
            let digits = value.flatMap { value in
                value.range(of: "127.0.0.1:").map { value[$0.upperBound...].prefix { $0.isNumber } }
            }
            port = digits.flatMap { Int($0) }
            return port != nil
        }
        return try #require(port)
    }
}
