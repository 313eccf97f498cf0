import Foundation
import Testing
import TollgateTestSupport

@testable import tollgate

/// The command `tollgate dashboard` as a process, with a real sidecar.
@Suite struct DashboardCommandTests {
    private let process: SidecarProcess
    private let redis: TestRedis
    /// The address of the admin API.
    private let admin: String

    init() async throws {
        redis = try TestRedis()
        process = try await SidecarProcess(
            policy: "", arguments: ["--redis", "\(redis.address)", "--admin", "127.0.0.1:0", "--deadline", "10s"])
        let sidecar = process
        try await eventually { sidecar.log.contains(" admin=127.0.0.1:") }
        let port = sidecar.log.components(separatedBy: " admin=127.0.0.1:").last?.prefix { $0.isNumber } ?? ""
        admin = "127.0.0.1:\(port)"
    }

    private func dashboard(_ words: String..., environment: [String: String] = [:]) async throws -> Command {
        let noDesktop = ["DISPLAY": "", "WAYLAND_DISPLAY": "", "TOLLGATE_ADMIN_CONNECT": admin]
        return try await Command.run(
            SidecarProcess.program, ["dashboard"] + words, workingFolder: process.folder.path,
            environment: noDesktop.merging(environment) { $1 })
    }

    private func get(_ link: String) async throws -> Command {
        try await Command.run("curl", ["-s", "-i", "--max-time", "20", link])
    }

    @Test("prints a link that signs in once, and says so on standard error")
    func link() async throws {
        let command = try await dashboard()
        #expect(command.output.contains(#/^http://127\.0\.0\.1:\d+/sign-in\?code=[0-9a-f]{64}\n$/#), "\(command)")
        let sentence = #/^Open the link in a browser\. It is valid once, until \d{4}-\d\d-\d\dT[\d:.]+Z\.\n$/#
        #expect(command.errors.contains(sentence), "\(command)")
        #expect(command.status == 0)
        let link = command.output.trimmingCharacters(in: .newlines)
        let first = try await get(link)
        #expect(first.output.hasPrefix("HTTP/1.1 200"), "\(first)")
        #expect(first.output.contains(#/Set-Cookie: tollgate_session_\d+=/#.ignoresCase()))
        let second = try await get(link)
        #expect(second.output.hasPrefix("HTTP/1.1 401"), "\(second)")
        #expect(second.output.contains("the link has been used or has expired"))
        #expect(process.log.contains("signed in to the dashboard by=link from=127.0.0.1 who=admin"), "\(process.log)")
        let code = link.split(separator: "=").last ?? ""
        #expect(!process.log.contains(code))
    }

    @Test("--json prints the response of the API")
    func json() async throws {
        let command = try await dashboard("--json", environment: ["DISPLAY": ":0"])
        let json = #/^\{"expires_at":"[^"]+Z","path":"/sign-in\?code=[0-9a-f]{64}"\}\n$/#
        #expect(command.output.contains(json), "\(command)")
        #expect(command.errors == "")
    }

    @Test("a desktop opens the link, unless --no-open is given", arguments: ["DISPLAY", "WAYLAND_DISPLAY"])
    func desktop(variable: String) async throws {
        let folder = try TemporaryFolder()
        let opener = try folder.write(
            "#!/bin/sh\necho \"$*\" > \(folder.path)/draft\nmv \(folder.path)/draft \(folder.path)/opened\n",
            to: "xdg-open")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: opener)
        let path = "\(folder.path):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
        let environment = [variable: ":0", "PATH": path]
        let printed = try await dashboard("--no-open", environment: environment)
        #expect(printed.errors.hasPrefix("Open the link in a browser."), "\(printed)")
        let command = try await dashboard(environment: environment)
        #expect(
            command.errors.hasPrefix("The link has been opened in a browser. It is valid once, until "), "\(command)")
        let opened = "\(folder.path)/opened"
        try await eventually { FileManager.default.fileExists(atPath: opened) }
        #expect(try String(contentsOfFile: opened, encoding: .utf8) == command.output)
    }

    @Test("a Unix socket and a sidecar that does not run are errors")
    func errors() async throws {
        let unix = try await dashboard("--admin", "unix:/tmp/admin.sock")
        #expect(unix.output == "")
        #expect(
            unix.errors
                == "a browser cannot open a Unix socket: name the host:port of an admin API with --admin\n")
        #expect(unix.status == 2)
        let port = try PortHolder()
        defer { port.release() }
        let none = try await dashboard("--admin", "127.0.0.1:\(port.number)")
        #expect(none.errors.contains("Connection refused. Is the sidecar running?"), "\(none)")
        #expect(none.status == 2)
        #expect(Desktop(["DISPLAY": ":0", "PATH": "/nowhere"]) == nil)
    }
}
