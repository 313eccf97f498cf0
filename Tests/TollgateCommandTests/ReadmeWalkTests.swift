import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

/// The commands in README, the quickstart and the admin API page, run as they are with a real sidecar.
@Suite struct ReadmeWalkTests {
    /// A line that begins with `$`, and the output that the page shows.
    private struct Step {
        var command: String
        var shown: [String]
    }

    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    @Test("every command in README prints the shown output", .timeLimit(.minutes(2)))
    func readme() async throws {
        try await waitOutMidnight()
        let blocks = try Self.blocks(of: "A first look", in: "README.md")
        try await walk(blocks, in: TemporaryFolder(), least: 6)
    }

    @Test(
        "the Python code in README and the quickstart runs unchanged",
        .enabled(if: Python.hasRedis, "needs a Python with the package redis: run scripts/test"),
        arguments: [("README.md", "From your code"), ("docs/quickstart.md", "From Python")])
    func python(page: String, title: String) async throws {
        let sidecar = try await Sidecar(policy: try Self.examplePolicy())
        let blocks = try Self.blocks(of: title, in: page)
        let script = try #require(blocks.first { $0.first?.hasPrefix("import uuid") == true })
        let text = script.joined(separator: "\n").replacing("port=7379", with: "port=\(sidecar.port)")
        let command = try await Command.run(Python.program, ["-c", text])
        #expect(command.status == 0, "\(command.errors)")
        #expect(try sidecar.redis.hash("tollgate:user:dave")["cost/day"] == "18500000")
    }

    @Test("the example in the policy page is valid")
    func policy() throws {
        let blocks = try Self.blocks(of: "An example", in: "docs/policy.md")
        let example = try #require(blocks.first)
        let policy = try Policy(wholeFile: example.joined(separator: "\n"), file: "docs/policy.md")
        #expect(policy.warnings.isEmpty, "\(policy.warnings)")
        #expect(policy.tiers.count == 2)
    }

    @Test("every command of the quickstart prints the shown output", .timeLimit(.minutes(2)))
    func quickstart() async throws {
        let blocks = try Self.blocks(of: "First requests", in: "docs/quickstart.md")
        try await walk(blocks, in: TemporaryFolder(), least: 12)
    }

    @Test("every command of the walkthrough of prices prints the shown output", .timeLimit(.minutes(2)))
    func prices() async throws {
        try await waitOutMidnight()
        let blocks = try Self.blocks(of: "A walk", in: "docs/prices.md")
        let policy = try #require(blocks.first { $0.first == "currency: USD" })
        try await walk(blocks, in: TemporaryFolder(), policy: policy.joined(separator: "\n"), least: 3)
        let table = try #require(try Self.blocks(of: "Prices", in: "docs/prices.md").first)
        #expect(try PriceFile(yaml: table.joined(separator: "\n"), file: "prices.yaml").table.count == 5)
    }

    @Test("every command of the walkthrough of tiers and overrides prints the shown output", .timeLimit(.minutes(2)))
    func tiers() async throws {
        let blocks = try Self.blocks(of: "A walk through tiers and overrides", in: "docs/admin-api.md")
        try await walk(blocks, in: TemporaryFolder(), least: 11)
    }

    @Test("every command of the walkthrough of costs and alerts prints the shown output", .timeLimit(.minutes(2)))
    func alerts() async throws {
        try await waitOutMidnight()
        let blocks = try Self.blocks(of: "Costs, reports and alerts", in: "docs/quickstart.md")
        let files = try #require(blocks.first { $0.last == "scripts/run --alerts alerts.yaml" }).dropLast()
        let port = try #require(findFreePort())
        let folder = try TemporaryFolder()
        _ = try await Command.run(
            "/bin/bash", ["-s"],
            input: files.joined(separator: "\n").replacing("127.0.0.1:9000", with: "127.0.0.1:\(port)"),
            workingFolder: folder.path)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/Examples", withDestinationPath: Self.root.appending(path: "Examples").path)
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
        let steps = blocks.filter { $0.first?.hasPrefix("$ ") == true }.flatMap(Self.steps)
        #expect(steps.count >= least)
        func here(_ text: String) -> String { replaced.reduce(text) { $0.replacing($1.key, with: $1.value) } }
        let sidecar = try await SidecarProcess(
            policy: try policy ?? Self.examplePolicy(),
            arguments: ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--deadline", "10s"] + arguments,
            folder: folder)
        let outputs = try await run(steps.map { here($0.command) }, beside: sidecar)
        try #require(outputs.count == steps.count, "\(outputs)")
        for (step, output) in zip(steps, outputs) {
            let came = Self.lines(of: output)
            let shown = step.shown.map { Self.settled(here($0)) }
            #expect(Self.matches(came[...], shown[...]), "$ \(step.command)\n\(output)")
        }
        #expect(!sidecar.log.contains("readable by others"), "\(sidecar.log)")
        #expect(try await sidecar.stop() == 0)
    }

    @Test("shown and actual output are compared")
    func matching() {
        #expect(Self.matches(["a", "b 1", "c"], ["a", "b …", "c"]))
        #expect(Self.matches(["a", "x", "y", "c"], ["a", "…", "c"]))
        #expect(Self.matches(["a", "c"], ["a", "…", "c"]))
        #expect(!Self.matches(["a", "b"], ["a"]))
        #expect(!Self.matches(["a"], ["a", "b"]))
        #expect(!Self.matches(["a", "x"], ["a", "b …"]))
        #expect(Self.settled("until 2026-11-21T16:46:34Z: x") == Self.settled("until 2027-01-01T00:00:00Z: x"))
        #expect(Self.settled("max=60 reset=61.6") == Self.settled("max=60 reset=7"))
        #expect(Self.settled("max=60 reset=61.6") != Self.settled("max=61 reset=61.6"))
        #expect(Self.settled("DENY retry_after=58.24 source=scope") == Self.settled("DENY retry_after=9 source=scope"))
        #expect(Self.settled("reset=61 reservation=AbJl") == Self.settled("reset=61.5 reservation=Zm9v"))
    }

    // MARK: - Pages

    private static func examplePolicy() throws -> String {
        try String(contentsOf: root.appending(path: "tollgate.yaml"), encoding: .utf8)
    }

    /// The fenced blocks of a section, without their fences.
    private static func blocks(of title: String, in page: String) throws -> [[String]] {
        let text = try String(contentsOf: root.appending(path: page), encoding: .utf8)
        let parts = text.components(separatedBy: "\n## \(title)\n")
        try #require(parts.count == 2, "\(page) has no section \(title), or several")
        let section = try #require(parts[1].components(separatedBy: "\n## ").first)
        var blocks: [[String]] = []
        var isInside = false
        for line in section.components(separatedBy: "\n") {
            if line.hasPrefix("```") {
                isInside.toggle()
                if isInside { blocks.append([]) }
            } else if isInside {
                blocks[blocks.count - 1].append(line)
            }
        }
        try #require(!isInside, "\(page): a block of \(title) has no end")
        return blocks
    }

    private static func steps(of block: [String]) -> [Step] {
        block.reduce(into: []) { steps, line in
            if line.hasPrefix("$ ") {
                steps.append(Step(command: String(line.dropFirst(2)), shown: []))
            } else {
                steps[steps.count - 1].shown.append(line)
            }
        }
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

    // MARK: - Comparing

    private static func lines(of output: String) -> [String] {
        var lines = output.replacing("\r\n", with: "\n").components(separatedBy: "\n").map(settled)
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    /// Replaces words that depend on the time, and ports.
    private static func settled(_ line: String) -> String {
        line.replacing(#/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/#, with: "TIME")
            .replacing(#/[0-9]{4}-[0-9]{2}-[0-9]{2}/#, with: "DAY")
            .replacing(#/\b[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}\b/#, with: "MINUTE")
            .replacing(#/\b[0-9a-z]{8}-[0-9a-z]{9,13}\b/#, with: "ALERT")
            .replacing(#/reservation=[^ ]+/#, with: "reservation=TOKEN")
            .replacing(#/^http://127\.0\.0\.1:[0-9]+/#, with: "http://127.0.0.1:PORT")
            .replacing(#/(reset=|retry_after=|"reset":|;t=|Retry-After: |retry after )[0-9.]+/#) {
                "\($0.output.1)SECONDS"
            }
    }

    /// Compares lines. `…` stands for the rest of a line or, alone, for any number of lines.
    private static func matches(_ came: ArraySlice<String>, _ shown: ArraySlice<String>) -> Bool {
        guard let pattern = shown.first else { return came.isEmpty }
        if pattern == "…" {
            return came.indices.contains { matches(came[$0...], shown.dropFirst()) } || shown.count == 1
        }
        guard let line = came.first else { return false }
        let fits = pattern.hasSuffix("…") ? line.hasPrefix(pattern.dropLast()) : line == pattern
        return fits && matches(came.dropFirst(), shown.dropFirst())
    }
}
