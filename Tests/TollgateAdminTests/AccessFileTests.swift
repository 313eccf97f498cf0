import Foundation
import Testing
import TollgatePolicy
import TollgateServer
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("Access files and generated tokens")
struct AccessFileTests {
    private func read(_ text: String, files: [String: String] = [:]) async throws -> AccessSettings {
        let folder = try TemporaryFolder()
        for (name, text) in files { try folder.write(text, to: name) }
        return try await AccessFile(path: folder.write(text, to: "access.yaml")).read()
    }

    private func problem(_ text: String, files: [String: String] = [:]) async -> String {
        do {
            _ = try await read(text, files: files)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("tokens have a name, a role and a secret")
    func tokens() async throws {
        let access = try await read(
            """
            tokens:
              - { name: ops, role: admin, token: 0123456789abcdef }
              - { name: board, role: viewer, token: "fedcba9876543210" }
            """)
        #expect(access.tokens.map(\.name) == ["ops", "board"])
        #expect(access.tokens.map(\.role) == [.admin, .viewer])
        #expect(access.tokens.map(\.token) == ["0123456789abcdef", "fedcba9876543210"])
        #expect(access.jwt == nil)
    }

    @Test(
        "errors name the line and key, and never the secret",
        arguments: [
            ("", "access.yaml:1: expected tokens: or jwt:"),
            ("tokens: []", "access.yaml:1: grants access to no one"),
            ("tokenz: []", "access.yaml:1: tokenz: unknown key; expected one of tokens, jwt"),
            ("tokens: { name: ops }", "access.yaml:1: tokens: expected a list"),
            (
                "tokens:\n  - { name: ops, role: root, token: s3cr3t-0123456789 }",
                "access.yaml:2: tokens[0].role: expected admin"
            ),
            (
                "tokens:\n  - { name: ops, role: admin, token: s3cr3t }",
                "access.yaml:2: tokens[0].token: expected 16 to"
            ),
            ("tokens:\n  - { name: ops, role: admin }", "access.yaml:2: tokens[0].token: is missing"),
            ("tokens:\n  - { name: ops, role: admin, token: [a] }", "access.yaml:2: tokens[0].token: expected text"),
            (
                "tokens:\n  - { name: ops, role: admin, token: s3cr3t-0123456789, mode: x }",
                "access.yaml:2: tokens[0].mode: unknown key"
            ),
            (
                """
                tokens:
                  - { name: ops, role: admin, token: s3cr3t-0123456789 }
                  - { name: ops, role: admin, token: s3cr3t-0123456780 }
                """, "access.yaml:3: tokens[1].name: ops: duplicate name"
            ),
            (
                """
                tokens:
                  - { name: ops, role: admin, token: s3cr3t-0123456789 }
                  - { name: dev, role: viewer, token: s3cr3t-0123456789 }
                """, "access.yaml:3: tokens[1].token: dev: another entry has the same token"
            ),
            (
                "tokens:\n  - { name: jwt:ops, role: admin, token: s3cr3t-0123456789 }",
                "access.yaml:2: tokens[0].name: expected one word"
            ),
            (
                "tokens:\n  - { name: \"o ps\", role: admin, token: s3cr3t-0123456789 }",
                "access.yaml:2: tokens[0].name: expected one word"
            ),
            ("jwt: { audience: a, roles: { admin: b } }", "access.yaml:1: jwt: expected one of keys and secret_file"),
            ("jwt: { secret_file: secret, roles: { admin: b } }", "access.yaml:1: jwt.audience: is missing"),
            ("jwt: { secret_file: secret, audience: a }", "access.yaml:1: jwt.roles: is missing"),
            (
                "jwt: { secret_file: secret, audience: a, roles: { root: b } }",
                "access.yaml:1: jwt.roles.root: unknown key"
            ),
            (
                "jwt: { secret_file: short, audience: a, roles: { admin: b } }",
                "short: expected a secret of at least 32 bytes"
            ),
            ("jwt: { keys: none.json, audience: a, roles: { admin: b } }", "jwt.keys none.json: does not exist"),
            ("jwt: { keys: short, audience: a, roles: { admin: b } }", "short: not a JWKS"),
            ("tokens:\n  - {", "access.yaml:"),
        ])
    func mistakes(text: String, expected: String) async {
        let files = ["secret": String(repeating: "s3cr3t", count: 8), "short": "s3cr3t"]
        let problem = await problem(text, files: files)
        #expect(problem.contains(expected), "\(problem)")
        #expect(!problem.contains("s3cr3t"))
    }

    @Test("a file that others can read causes a warning")
    func warning() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            "tokens: [{ name: ops, role: admin, token: 0123456789abcdef }]", to: "access.yaml")
        chmod(path, 0o644)
        #expect(try await AccessFile(path: path).read().warnings.first?.contains("chmod 600") == true)
        chmod(path, 0o600)
        #expect(try await AccessFile(path: path).read().warnings == [])
    }

    @Test("a secret file that others can read causes a warning")
    func secretWarning() async throws {
        let folder = try TemporaryFolder()
        let secret = try folder.write(String(repeating: "s", count: 40), to: "secret")
        let path = try folder.write(
            "jwt: { secret_file: secret, audience: a, roles: { admin: b } }", to: "access.yaml")
        chmod(path, 0o600)
        chmod(secret, 0o604)
        #expect(
            try await AccessFile(path: path).read().warnings == [
                "--admin-access \(path): \(secret) is readable by others; run chmod 600 \(secret)"
            ])
        chmod(secret, 0o600)
        #expect(try await AccessFile(path: path).read().warnings == [])
    }

    @Test("a generated token is readable by its owner only, and reused")
    func generated() throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data"
        let token = try AdminToken.make(inFolder: data)
        #expect(token.path == data + "/admin-token")
        #expect(token.text.utf8.count == 64)
        let attributes = try FileManager.default.attributesOfItem(atPath: token.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try AdminToken.make(inFolder: data).text == token.text)
        #expect(try FileManager.default.contentsOfDirectory(atPath: data) == ["admin-token"])
        #expect(try AdminToken.make(inFolder: folder.path + "/other").text != token.text)
    }

    @Test("a data folder that cannot be written is an error that names --data and the folder")
    func unwritable() throws {
        // Nobody can create files there, not even root.
        #expect { try AdminToken.make(inFolder: "/proc/self") } throws: {
            "\($0)".hasPrefix("--data /proc/self: cannot write to the folder: ")
        }
        #expect { try AdminToken.make(inFolder: "/proc/self/none") } throws: {
            "\($0)".hasPrefix("--data /proc/self/none: the folder cannot be created: ")
        }
    }

    @Test("a token file that others can read, or that is empty, is rejected")
    func refused() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("0123456789abcdef\n", to: "admin-token")
        chmod(path, 0o640)
        #expect { try AdminToken.make(inFolder: folder.path) } throws: { "\($0)".contains("chmod 600 \(path)") }
        chmod(path, 0o600)
        #expect(try AdminToken.make(inFolder: folder.path).text == "0123456789abcdef")
        try folder.write("short", to: "admin-token")
        chmod(path, 0o600)
        #expect { try AdminToken.make(inFolder: folder.path) } throws: { "\($0)".contains("expected a token of 16") }
        unlink(path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "/dev/zero")
        #expect(throws: OperatorError.self) { try AdminToken.make(inFolder: folder.path) }
    }

    @Test("sidecars that start concurrently use the same token")
    func together() async throws {
        let folder = try TemporaryFolder()
        let tokens = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<16 { group.addTask { try AdminToken.make(inFolder: folder.path).text } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(tokens.count == 1)
    }

    @Test("an address beyond loopback requires an access file")
    func beyondLoopback() throws {
        for open in ["0.0.0.0:7380", "[::]:7380", "192.0.2.1:7380"] {
            #expect {
                try AccessSettings.validate(address: ListenAddress(parsing: open), .admin)
            } throws: {
                "\($0)".hasPrefix("--admin \(open): ") && "\($0)".contains("--admin-access")
            }
        }
        for local in ["127.0.0.1:0", "[::1]:7380", "localhost:1", "unix:/tmp/x.sock"] {
            #expect(throws: Never.self) { try AccessSettings.validate(address: ListenAddress(parsing: local), .admin) }
        }
    }

    @Test("--admin is an address or off")
    func address() throws {
        #expect(try AdminSettings.address(parsing: "off", .admin) == nil)
        #expect(try AdminSettings.address(parsing: "127.0.0.1:0", .admin) == .tcp(host: "127.0.0.1", port: 0))
        #expect(try AdminSettings.address(parsing: "unix:/run/a.sock", .admin) == .unix(path: "/run/a.sock"))
        #expect { try AdminSettings.address(parsing: "nowhere", .admin) } throws: {
            "\($0)".hasPrefix("--admin nowhere: expected")
        }
    }
}
