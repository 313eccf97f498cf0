import Foundation
import Testing
import TollgateTestSupport

/// scripts/build: the flags that it gives to swift, and what the linker makes of them.
@Suite struct BuildScriptTests {
    private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    private static let commit = "04bfdd98ea3e5230ad34cd261c4392eb997e939e"

    /// The arguments that scripts/build gives to swift.
    private func arguments(_ options: String..., commit: String = Self.commit) async throws -> [String] {
        let folder = try TemporaryFolder()
        let swift = try folder.write("#!/bin/sh\nprintf '%s\\n' \"$@\"\n", to: "swift")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: swift)
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let command = try await Command.run(
            "\(Self.root)/scripts/build", options,
            environment: ["PATH": "\(folder.path):\(path)", "BUILD_COMMIT": commit])
        #expect(command.status == 0, "\(command.errors)")
        return command.output.split(separator: "\n").map(String.init)
    }

    @Test("a release build is stripped and carries its commit, and a debug build is neither")
    func flags() async throws {
        let release = try await arguments("-c", "release", "--product", "tollgate")
        #expect(
            release == [
                "build", "-debug-info-format", "none", "-Xlinker", "-s", "-Xlinker",
                "--build-id=0x746f6c6c\(Self.commit)", "-c", "release", "--product", "tollgate",
            ])
        #expect(try await arguments("--build-tests") == ["build", "-debug-info-format", "none", "--build-tests"])
        let unknown = try await arguments("-c", "release", commit: "main")
        #expect(!unknown.contains { $0.hasPrefix("--build-id") }, "\(unknown)")
    }

    /// The command that linked the program of these tests, from the build's manifest; nil if there is none.
    private static let linking: [String]? = {
        guard SidecarProcess.givenProgram == nil else { return nil }
        let folder = URL(fileURLWithPath: SidecarProcess.program).resolvingSymlinksInPath().deletingLastPathComponent()
        let manifest = folder.deletingLastPathComponent().deletingLastPathComponent().appending(path: "debug.yaml")
        guard let text = try? String(contentsOf: manifest, encoding: .utf8),
            let target = text.firstRange(of: #/\n  "C\.tollgate-[^"]*\.exe":\n/#),
            let line = text[target.upperBound...].firstMatch(of: #/\n    args: (\[.*\])\n/#)?.1
        else { return nil }
        return try? JSONDecoder().decode([String].self, from: Data(line.utf8))
    }()

    @Test(
        "a program that is linked with these flags has no symbols, runs, and prints the commit",
        .enabled(if: linking != nil))
    func linked() async throws {
        let folder = try TemporaryFolder()
        let program = folder.path + "/tollgate"
        var words = try #require(Self.linking)
        words[try #require(words.firstIndex(of: "-o")) + 1] = program
        let flags = try await arguments("-c", "release").dropFirst(3).prefix { $0 != "-c" }
        let link = try await Command.run(words[0], Array(words.dropFirst()) + Array(flags))
        #expect(link.status == 0, "\(link.errors)")
        #expect(try Self.sections(of: program).contains(Self.symbolTable) == false)
        #expect(try Self.sections(of: SidecarProcess.program).contains(Self.symbolTable))
        let version = try await Command.run(program, ["version"])
        #expect(version.output.hasSuffix(" (\(Self.commit))\n"), "\(version)")
        let json = try await Command.run(program, ["version", "--json"])
        #expect(json.output.hasPrefix(#"{"commit":"\#(Self.commit)","version":""#), "\(json)")
    }

    /// The type of a section that strip removes.
    private static let symbolTable: UInt32 = 2

    /// The types of the sections of a 64-bit ELF file.
    private static func sections(of path: String) throws -> Set<UInt32> {
        let data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
        return data.withUnsafeBytes { bytes in
            let start = Int(bytes.loadUnaligned(fromByteOffset: 40, as: UInt64.self))
            let size = Int(bytes.loadUnaligned(fromByteOffset: 58, as: UInt16.self))
            let count = Int(bytes.loadUnaligned(fromByteOffset: 60, as: UInt16.self))
            return Set((0..<count).map { bytes.loadUnaligned(fromByteOffset: start + $0 * size + 4, as: UInt32.self) })
        }
    }

    // MARK: - Python packages

    @Test("scripts/test-requirements.txt pins each package once, in order, by its exact version")
    func pins() throws {
        let path = Self.root + "/scripts/test-requirements.txt"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").filter {
            !$0.hasPrefix("#")
        }
        #expect(lines.count > 40)
        for line in lines {
            #expect(
                line.wholeMatch(of: #/[A-Za-z0-9][A-Za-z0-9._-]*==[0-9]+(\.[0-9]+)*(\.?(a|b|rc|post)[0-9]+)?/#) != nil,
                "\(line)")
        }
        let names = lines.map { $0.prefix { $0 != "=" }.lowercased().replacing("_", with: "-") }
        #expect(Set(names).count == names.count)
        #expect(Set(["redis", "valkey", "aiosmtpd", "openapi-spec-validator", "schemathesis"]).isSubset(of: names))
    }

    @Test(
        "the Python of the tests has exactly the pinned packages",
        .enabled(if: ProcessInfo.processInfo.environment["TOLLGATE_TEST_PYTHON"] != nil))
    func installed() async throws {
        // Without pip, which lists itself only with --all.
        let code = """
            import importlib.metadata as m, sys
            norm = lambda name: name.lower().replace("_", "-").replace(".", "-")
            have = {norm(d.metadata["Name"]): d.version for d in m.distributions()}
            lines = [l.strip() for path in sys.argv[1:] for l in open(path) if l.strip() and not l.startswith("#")]
            want = {norm(l.split("==")[0]): l.split("==")[1] for l in lines}
            have = {n: v for n, v in have.items() if n not in ("pip", "setuptools", "wheel")}
            for n in sorted(set(have) | set(want)):
                if have.get(n) != want.get(n): print(n, "pinned:", want.get(n), "installed:", have.get(n))
            """
        let command = try await Command.run(
            Python.program,
            [
                "-c", code, Self.root + "/scripts/test-requirements.txt",
                Self.root + "/scripts/test-requirements-alone.txt",
            ])
        #expect(command.status == 0 && command.output == "", "\(command.output)\(command.errors)")
    }
}
