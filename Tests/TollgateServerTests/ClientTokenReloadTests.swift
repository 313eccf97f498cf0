import Foundation
import Logging
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// Changes of the token file while the sidecar runs.
@Suite struct ClientTokenReloadTests {
    private static let (old, new) = ("the-first-token-of-all", "the-second-token-of-all")

    /// Runs a sidecar that checks its token file many times a second.
    private func withTokenFile(
        _ body: (ServerHarness, TemporaryFolder, ClientTokenReloader, CapturedLog) async throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Self.old + "\n", to: "token")
        chmod(path, 0o600)
        let contents = try ClientTokenFile(path: path).read()
        let log = CapturedLog()
        try await withServer(adjust: { $0.token = contents.token }) { harness in
            let reloader = ClientTokenReloader(
                contents: contents, sidecar: harness.sidecar, interval: .milliseconds(5), settling: .milliseconds(30),
                logger: log.logger)
            let running = Task { await reloader.run() }
            defer { running.cancel() }
            try await body(harness, folder, reloader, log)
        }
    }

    private func replies(to token: String, _ harness: ServerHarness) async throws -> [String] {
        try await harness.ask("AUTH \(token)", "PING")
    }

    private static let refused = ["ERR unauthenticated wrong token", "ERR unauthenticated AUTH with the token first"]

    @Test("new connections need the new token, and connections that are authenticated stay so, in every worker")
    func replaced() async throws {
        try await withTokenFile { harness, folder, _, log in
            let open = try (0..<4).map { _ in try harness.client() }
            for client in open { #expect(try await client.ask("AUTH \(Self.old)", "PING") == ["OK", "PONG"]) }
            let late = try harness.client()
            #expect(try await late.ask("PING") == ["ERR unauthenticated AUTH with the token first"])
            try folder.write(Self.new + "\n", to: "token")
            try await eventually { log.text.contains("info client token reloaded file=\(folder.path)/token") }
            for _ in 0..<4 {
                #expect(try await replies(to: Self.old, harness) == Self.refused)
                #expect(try await replies(to: Self.new, harness) == ["OK", "PONG"])
            }
            for client in open { #expect(try await client.ask("PING", "CHECK user=a") == ["PONG", "ALLOW"]) }
            #expect(
                try await late.ask("AUTH \(Self.old)", "AUTH \(Self.new)", "PING") == [Self.refused[0], "OK", "PONG"])
            #expect(!log.text.contains("-token-of-all"))
        }
    }

    @Test("a bad file leaves the token in force, is logged once and in STATUS, and a good one clears it")
    func bad() async throws {
        try await withTokenFile { harness, folder, reloader, log in
            func state() async -> InfoReport.ClientState { await harness.sidecar.report().clients }
            let path = folder.path + "/token"
            #expect(await state().tokenFile == path)
            #expect(await state().tokenLoadedAt != nil)
            try folder.write("short\n", to: "token")
            try await eventually { await state().tokenError == "--token-file \(path): expected 16 to 512 bytes" }
            reloader.reload()
            try await Task.sleep(for: .milliseconds(200))
            #expect(try await replies(to: Self.old, harness) == ["OK", "PONG"])
            let line = "error client token could not be reloaded; keeping the one in force: --token-file"
            #expect(log.text.components(separatedBy: line).count == 2)
            #expect(unlink(path) == 0)
            try await eventually { await state().tokenError == "--token-file \(path): does not exist" }
            #expect(try await replies(to: Self.old, harness) == ["OK", "PONG"])
            try folder.write(Self.old, to: "token")
            try await eventually { await state().tokenError == nil }
            try await eventually { log.text.contains("info client token reloaded without changes") }
            #expect(log.text.contains("warning --token-file \(path): is readable by others; run chmod 600"))
        }
    }
}
