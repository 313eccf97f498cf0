import AsyncHTTPClient
import Foundation
import Logging
import Testing
import TollgateServer
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("Listening")
struct ListeningTests {
    @Test("on a Unix socket that only its owner can use, gone when it ends")
    func unix() async throws {
        var socket = ""
        try await withAdmin(unix: true, waits: false) { admin in
            guard case .unix(let path) = admin.address else { throw TestFailure("\(admin.address)") }
            socket = path
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            #expect(try await admin.ask("GET", "/healthz", token: nil).status == 200)
            #expect(try await admin.ask("GET", "/v1/nothing").status == 404)
        }
        #expect(!FileManager.default.fileExists(atPath: socket))
    }

    @Test("an address that is taken is an error that names the option")
    func taken() async throws {
        try await withAdmin(waits: false) { admin in
            let settings = AdminSettings(address: admin.address, access: AdminHarness.access)
            let second = AdminServer(
                settings: settings, server: admin.server, policyFile: "", logger: CapturedLog().logger)
            do {
                try await second.run()
                Issue.record("expected an error")
            } catch {
                #expect("\(error)".hasPrefix("--admin \(admin.address): "), "\(error)")
            }
        }
    }

    @Test("more connections than there is room for wait until others end")
    func connections() async throws {
        try await withAdmin(waits: false) { admin in
            guard case .tcp(_, let port) = admin.address else { throw TestFailure("\(admin.address)") }
            let request = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            do {
                var idle: [SocketClient] = []
                for _ in 0..<300 { idle.append(try SocketClient(.tcp(port: port))) }
                let waiting = try SocketClient(.tcp(port: port), patience: 1)
                try await waiting.send(request)
                await #expect(throws: SocketClient.Failure.self) { _ = try await waiting.readLine() }
                idle.removeAll()
            }
            #expect(try await admin.raw(request).hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("what is no HTTP is answered 400, and headers are bounded")
    func garbage() async throws {
        try await withAdmin(waits: false) { admin in
            #expect(try await admin.raw("CHECK user=alice\n\n").hasPrefix("HTTP/1.1 400"))
            let long = String(repeating: "x", count: 200_000)
            let answer = try await admin.raw("GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: \(long)\r\n\r\n")
            #expect(!answer.hasPrefix("HTTP/1.1 200"))
            #expect(try await admin.ask("GET", "/healthz", token: nil).status == 200)
        }
    }
}
