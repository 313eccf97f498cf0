import HTTPTypes
import Testing
import TollgateServer
import TollgateTestSupport

@testable import TollgateAdmin

/// Requests that a web page can make a browser send.
@Suite struct HostTests {
    private func fault(
        _ host: String?, origin: String? = nil, at address: String = "127.0.0.1:7380", names: [String] = []
    ) throws -> String? {
        var request = HTTPRequest(method: .get, scheme: "http", authority: host, path: "/v1/tiers")
        if let origin { request.headerFields[.origin] = origin }
        return HostRule(try ListenAddress(parsing: address), names: names).fault(of: request)
    }

    @Test(
        "a loopback listener accepts the names of this machine with any port",
        arguments: [
            "localhost", "LOCALHOST:7380", "127.0.0.1:7380", "127.0.0.1:80", "[::1]:7380", "[::1]", "127.0.0.2",
        ])
    func loopback(host: String) throws {
        let address = host == "127.0.0.2" ? "127.0.0.2:7380" : "127.0.0.1:7380"
        #expect(try fault(host, at: address) == nil)
    }

    @Test(
        "other names and addresses are rejected",
        arguments: [
            "evil.example", "evil.example:7380", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.2",
            "10.0.0.1:7380", "[::2]", "tollgate",
        ])
    func foreign(host: String) throws {
        #expect(try fault(host) == "Host: \(host) is not a host name of this API; add one with --admin-host")
    }

    @Test(
        "an invalid host is rejected, on a Unix socket too",
        arguments: [
            "a b", "localhost:", "localhost:x", "localhost:80:80", "localhost/", "me@localhost", "localhost,localhost",
            "[::1", "[]", "[x]", "localhost:123456", ":80", "http://localhost", "l\u{f6}calhost",
        ])
    func malformed(host: String) throws {
        // An empty port counts as none (RFC 3986, 3.2.3).
        let expected = host == "localhost:" ? nil : "Host: expected a name or an address, and a port"
        #expect(try fault(host) == expected)
        #expect(try fault(host, at: "unix:/run/admin.sock") == expected)
    }

    @Test("a missing Host is rejected if a browser could reach the API")
    func missing() throws {
        #expect(try fault(nil) == "Host: is missing")
        #expect(try fault("") == "Host: is missing")
        #expect(try fault(nil, at: "unix:/run/admin.sock") == nil)
        #expect(try fault("anything", origin: "null", at: "unix:/run/admin.sock") == nil)
    }

    @Test("beyond loopback, any address, the bound host and the given names are accepted")
    func network() throws {
        for host in ["10.0.0.7:7380", "[2001:db8::1]:7380", "localhost", "127.0.0.1"] {
            #expect(try fault(host, at: "0.0.0.0:7380") == nil, "\(host)")
        }
        #expect(try fault("limits.example", at: "0.0.0.0:7380") != nil)
        #expect(try fault("limits.example:443", at: "0.0.0.0:7380", names: ["Limits.Example"]) == nil)
        #expect(try fault("host.example:7380", at: "host.example:7380") == nil)
    }

    @Test("a page of another origin is rejected, also one of this machine")
    func origins() throws {
        for origin in ["http://evil.example", "null", "http://localhost:3000", "https://127.0.0.1", "file://", ""] {
            #expect(try fault("127.0.0.1:7380", origin: origin)?.hasPrefix("Origin: ") == true, "\(origin)")
        }
        #expect(try fault("127.0.0.1:7380", origin: "http://127.0.0.1:7380") == nil)
        #expect(try fault("limits.example", origin: "https://limits.example", names: ["limits.example"]) == nil)
        // A proxy that sends its own Host.
        #expect(try fault("127.0.0.1:7380", origin: "https://limits.example", names: ["limits.example"]) == nil)
        #expect(try fault("127.0.0.1:7380", origin: "https://evil.example", names: ["limits.example"]) != nil)
    }

    @Test("the host is checked before the token, for every path, and a duplicate header is rejected")
    func served() async throws {
        try await withAdmin(waits: false) { admin in
            for path in ["/v1/tiers", "/healthz", "/nothing"] {
                for fields in [
                    "", "Host: evil.example\r\n", "Host: localhost\r\nHost: localhost\r\n",
                    "Host: localhost\r\nOrigin: http://evil.example\r\n",
                    "Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://localhost\r\n",
                ] {
                    let answer = try await admin.raw("GET \(path) HTTP/1.1\r\n\(fields)Connection: close\r\n\r\n")
                    #expect(answer.hasPrefix("HTTP/1.1 400"), "\(path) \(fields): \(answer)")
                    #expect(answer.contains("urn:tollgate:problem:bad_request"))
                }
            }
            let absolute = "GET http://evil.example/healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
            #expect(try await admin.raw(absolute).hasPrefix("HTTP/1.1 400"))
            #expect(admin.log.text.contains("wrong token") == false)
        }
    }

    @Test("the program rejects DNS rebinding, and accepts the names of --admin-host")
    func process() async throws {
        let redis = try TestRedis()
        let arguments = ["--redis", "\(redis.address)", "--admin", "127.0.0.1:0"]
        let sidecar = try await SidecarProcess(
            policy: "", arguments: arguments + ["--admin-host", "limits.example", "--admin-host", "other.example"])
        try await eventually { sidecar.log.contains("tollgate started") }
        let line = sidecar.log.split(separator: "\n").first { $0.contains("tollgate started") }
        let port = try #require(
            line?.split(separator: " admin=127.0.0.1:").last.flatMap { Int($0.prefix(while: \.isNumber)) })
        func status(_ fields: String) async throws -> String? {
            let client = try SocketClient(.tcp(port: port))
            try await client.send("GET /v1/tiers HTTP/1.1\r\n\(fields)Connection: close\r\n\r\n")
            return try await client.readLine()
        }
        for host in ["localhost", "127.0.0.1:\(port)", "limits.example", "other.example:443"] {
            #expect(try await status("Host: \(host)\r\n") == "HTTP/1.1 401 Unauthorized", "\(host)")
        }
        #expect(try await status("Host: evil.example\r\n") == "HTTP/1.1 400 Bad Request")
        #expect(try await status("") == "HTTP/1.1 400 Bad Request")
        #expect(
            try await status("Host: localhost\r\nOrigin: http://evil.example\r\n") == "HTTP/1.1 400 Bad Request")
        #expect(try await sidecar.stop() == 0)
    }
}
