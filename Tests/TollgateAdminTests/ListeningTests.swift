import AsyncHTTPClient
import Foundation
import Logging
import ServiceLifecycle
import Testing
import TollgateServer
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("Listening")
struct ListeningTests {
    @Test("a Unix socket is accessible to its owner only, and removed on shutdown")
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

    /// The error of a second admin API at an address.
    private func failure(at address: ListenAddress, _ admin: AdminHarness) async -> String {
        let settings = AdminSettings(address: address, access: AdminHarness.access)
        do {
            try await AdminServer(
                settings: settings, server: admin.server, policyFile: "", logger: CapturedLog().logger
            ).run()
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("the Unix socket of a running sidecar is not replaced")
    func unixTaken() async throws {
        try await withAdmin(unix: true, waits: false) { admin in
            let sentence = await failure(at: admin.address, admin)
            #expect(sentence == "--admin \(admin.address): another process listens there")
            let answer = try await admin.ask("GET", "/healthz", token: nil)
            #expect(answer.status == 200)
        }
    }

    @Test("a file that is not a socket is not replaced, nor is another process's socket removed")
    func unixReplaced() async throws {
        let folder = try TemporaryFolder()
        try await withAdmin(unix: true, waits: false) { admin in
            let path = try folder.write("text", to: "file")
            let sentence = await failure(at: .unix(path: path), admin)
            #expect(sentence == "--admin unix:\(path): the file exists and is not a socket")
            guard case .unix(let socket) = admin.address else { throw TestFailure("\(admin.address)") }
            #expect(rename(path, socket) == 0)
            await admin.admin.triggerGracefulShutdown()
            try? await admin.ended()
            #expect(FileManager.default.fileExists(atPath: socket))
        }
    }

    @Test("connections with incomplete heads are closed in favour of others")
    func slowHeads() async throws {
        try await withAdmin(waits: false) { admin in
            guard case .tcp(_, let port) = admin.address else { throw TestFailure("\(admin.address)") }
            var slow: [SocketClient] = []
            for place in 0..<300 {
                let client = try SocketClient(.tcp(port: port), patience: 30)
                if place == 0 {
                    try await client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    #expect(try await client.readLine()?.hasPrefix("HTTP/1.1 200") == true)
                }
                try await client.send("GET /he")
                slow.append(client)
            }
            #expect(try await admin.ask("GET", "/healthz", token: nil).status == 200)
            // Both are closed: a connection whose request was answered, and one that never sent a whole head.
            for client in slow.prefix(2) { _ = try await client.readToEnd() }
            slow.removeAll()
        }
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
                #expect(
                    "\(error)".hasPrefix("--admin \(admin.address): Address already in use (is another"), "\(error)")
            }
        }
    }

    @Test("responses have a Date")
    func date() async throws {
        #expect(HTTPDate.text(Date(timeIntervalSince1970: 1_795_341_600)) == "Sun, 22 Nov 2026 10:00:00 GMT")
        try await withAdmin(waits: false) { admin in
            let answer = try await admin.ask("GET", "/healthz", token: nil)
            #expect(answer.headers["date"]?.hasSuffix(" GMT") == true)
        }
    }

    @Test("an unknown host is an error that names the option")
    func unknownHost() async throws {
        try await withAdmin(waits: false) { admin in
            let sentence = await failure(at: .tcp(host: "nowhere.invalid", port: 1), admin)
            #expect(sentence == "--admin nowhere.invalid:1: host name not found")
        }
    }

    @Test("an incomplete body is not an internal error")
    func brokenOff() async throws {
        try await withAdmin(waits: false) { admin in
            guard case .tcp(_, let port) = admin.address else { throw TestFailure("\(admin.address)") }
            let token = AdminHarness.tokens[.admin] ?? ""
            do {
                let client = try SocketClient(.tcp(port: port))
                try await client.send(
                    "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\nContent-Length: 50\r\n\r\n{"
                )
                client.finishSending()
                _ = try? await client.readToEnd()
            }
            try await eventually { admin.log.text.contains("path=/v1/check") }
            let faults = admin.log.text.split(separator: "\n").filter { $0.hasPrefix("error") }
            #expect(faults.isEmpty, "\(faults)")
        }
    }

    /// A health check on a persistent connection.
    private static let health = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

    private func healthy(_ client: SocketClient) async throws -> Bool {
        try await client.send(Self.health)
        let status = try await client.readLine()
        while let line = try await client.readLine(), line != #"{"status":"ok"}"# {}
        return status == "HTTP/1.1 200 OK"
    }

    @Test("idle connections are closed in favour of others, the longest idle first")
    func idleConnections() async throws {
        try await withAdmin(waits: false) { admin in
            guard case .tcp(_, let port) = admin.address else { throw TestFailure("\(admin.address)") }
            var idle: [SocketClient] = []
            for _ in 0..<300 {
                let client = try SocketClient(.tcp(port: port))
                #expect(try await healthy(client))
                idle.append(client)
            }
            #expect(try await admin.ask("GET", "/v1/nothing").status == 404)
            // The most recent ones remain.
            #expect(try await idle[0].readToEnd() == [])
            #expect(try await idle[50].readToEnd() == [])
            #expect(try await healthy(idle[299]))
        }
    }

    @Test("connections that never send anything are closed too")
    func silentConnections() async throws {
        try await withAdmin(waits: false) { admin in
            guard case .tcp(_, let port) = admin.address else { throw TestFailure("\(admin.address)") }
            var silent: [SocketClient] = []
            for _ in 0..<300 { silent.append(try SocketClient(.tcp(port: port))) }
            #expect(try await admin.ask("GET", "/v1/nothing").status == 404)
            silent.removeAll()
        }
    }

    @Test("while all connections are busy, only health checks are served")
    func healthKept() async throws {
        try await withAdmin(waits: false) { admin in
            guard case .tcp(_, let port) = admin.address else { throw TestFailure("\(admin.address)") }
            let head =
                "POST /v1/check HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(AdminHarness.tokens[.admin] ?? "")\r\n"
            var busy: [SocketClient] = []
            func add() async throws {
                busy.append(try SocketClient(.tcp(port: port)))
                try await busy[busy.count - 1].send(head + "Content-Length: 50\r\n\r\n{")
            }
            let max = OpenFiles.adminConnections(below: OpenFiles.limit)
            for _ in 0..<max - OpenConnections.reservedForHealth { try await add() }
            try await eventually {
                // Its own connection may be the one that is closed.
                let answer = try? await admin.ask("GET", "/v1/tiers", headers: ["Connection": "close"])
                guard let answer else { return false }
                if answer.status == 503 {
                    #expect(answer.problem == "busy" && answer.headers["retry-after"] == "1")
                    return true
                }
                // A connection whose head had not been read yet was closed.
                try await add()
                return false
            }
            for path in ["/healthz", "/readyz"] {
                #expect([200, 503].contains(try await admin.ask("GET", path, token: nil).status))
                #expect(try await admin.ask("GET", path, token: nil)["status"] != nil)
            }
            busy.removeAll()
            try await eventually { (try? await admin.ask("GET", "/v1/nothing"))?.status == 404 }
        }
    }

    @Test("a client that expects 100-continue gets it, or the response at once if the body is not needed")
    func expectation() async throws {
        try await withAdmin { admin in
            guard case .tcp(_, let port) = admin.address else { throw TestFailure("\(admin.address)") }
            let body = #"{"scopes":{"user":"a"}}"#
            func ask(_ path: String, token: String, length: Int) async throws -> (SocketClient, String?) {
                let client = try SocketClient(.tcp(port: port), patience: 10)
                let head =
                    "POST \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\nConnection: close\r\n"
                try await client.send(head + "Expect: 100-continue\r\nContent-Length: \(length)\r\n\r\n")
                return (client, try await client.readLine())
            }
            let token = AdminHarness.tokens[.admin] ?? ""
            let (client, status) = try await ask("/v1/check", token: token, length: body.utf8.count)
            #expect(status == "HTTP/1.1 100 Continue")
            #expect(try await client.readLine() == "")
            try await client.send(body)
            #expect(try await client.readLine() == "HTTP/1.1 200 OK")
            #expect(try await ask("/v1/check", token: "wrong", length: 9).1 == "HTTP/1.1 401 Unauthorized")
            #expect(try await ask("/v1/nothing", token: token, length: 9).1 == "HTTP/1.1 404 Not Found")
            #expect(try await ask("/v1/check", token: token, length: 2 << 20).1?.hasPrefix("HTTP/1.1 413") == true)
        }
    }

    @Test("input that is not HTTP is 400, and headers are bounded")
    func garbage() async throws {
        try await withAdmin(waits: false) { admin in
            #expect(try await admin.raw("CHECK user=alice\n\n").hasPrefix("HTTP/1.1 400"))
            let long = String(repeating: "x", count: 200_000)
            let answer = try await admin.raw("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: \(long)\r\n\r\n")
            #expect(!answer.hasPrefix("HTTP/1.1 200"))
            #expect(try await admin.ask("GET", "/healthz", token: nil).status == 200)
        }
    }
}
