import Foundation
import JWTKit
import Testing
import TollgateServer
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("Changes of the access to the admin API")
struct AccessReloadTests {
    private static let (first, second) = ("the-first-token-of-all", "the-second-token-of-all")

    private func token(_ name: String, _ role: Role, _ secret: String) -> AccessSettings.Token {
        .init(name: name, role: role, token: secret)
    }

    @Test("a change names the tokens that were added, changed or removed")
    func change() {
        let access = ActiveAccess(
            AccessSettings(tokens: [
                token("a", .admin, Self.first), token("b", .viewer, Self.second),
                token("c", .caller, "third-token-of-all"),
            ]))
        let change = access.install(
            AccessSettings(tokens: [
                token("d", .caller, "third-token-of-all"), token("a", .admin, Self.first),
                token("b", .admin, Self.second),
            ]))
        #expect(change.added == ["d"] && change.changed == ["b"] && change.removed == ["c"])
        #expect(access.install(access.settings).isEmpty)
    }

    @Test("a token keeps its grant only as it is, and no grant comes twice")
    func grants() async throws {
        let access = ActiveAccess(AccessSettings(tokens: [token("a", .admin, Self.first)]))
        let authenticator = Authenticator(access, logger: CapturedLog().logger)
        let identity = try await authenticator.authenticate(token: Self.first, "test")
        #expect(access.grants(identity))
        #expect(!access.grants(Identity(name: "a", role: .admin)))
        _ = access.install(AccessSettings(tokens: [token("b", .viewer, Self.second), token("a", .admin, Self.first)]))
        #expect(access.grants(identity))
        _ = access.install(AccessSettings(tokens: [token("b", .viewer, Self.second)]))
        #expect(!access.grants(identity))
        _ = access.install(AccessSettings(tokens: [token("a", .admin, Self.first)]))
        #expect(!access.grants(identity))
        #expect(access.grants(try await authenticator.authenticate(token: Self.first, "test")))
    }

    @Test("a request is compared with one set of tokens, however often the sets are replaced meanwhile")
    func consistent() async throws {
        // Each token is in both sets, with another role and at another index.
        let sets = [
            [token("a", .admin, Self.first), token("b", .viewer, Self.second)],
            [token("b", .admin, Self.second), token("a", .viewer, Self.first)],
        ].map { AccessSettings(tokens: $0) }
        let access = ActiveAccess(sets[0])
        let authenticator = Authenticator(access, logger: CapturedLog().logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for index in 0..<2_000 { _ = access.install(sets[(index + 1) % 2]) } }
            for (secret, name) in [(Self.first, "a"), (Self.second, "b")] {
                group.addTask {
                    for _ in 0..<2_000 {
                        let identity = try await authenticator.authenticate(token: secret, "test")
                        #expect(identity.name == name && identity.role != .caller)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    // MARK: - Files

    private func reloading(
        _ text: String, in folder: TemporaryFolder,
        _ body: (AdminHarness, ActiveAccess, AccessReloader) async throws -> Void
    ) async throws {
        let path = try folder.write(text, to: "access.yaml")
        chmod(path, 0o600)
        let settings = try await AccessFile(path: path).read()
        try await withAdmin(access: settings, waits: false) { admin in
            let reloader = try #require(
                AccessReloader(
                    admin.access, state: admin.server.accessFile, interval: .milliseconds(5),
                    settling: .milliseconds(30), logger: admin.log.logger))
            let running = Task { await reloader.run() }
            defer { running.cancel() }
            try await body(admin, admin.access, reloader)
        }
    }

    private func status(_ admin: AdminHarness, _ token: String) async throws -> Int {
        try await admin.ask("GET", "/v1/log-level", token: token).status
    }

    @Test("a changed file is in force for the next request; a bad one is not, is logged once, and is in STATUS")
    func file() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/access.yaml"
        try await reloading(
            "tokens:\n  - { name: ops, role: admin, token: \(Self.first) }\n", in: folder
        ) { admin, _, reloader in
            func state() async -> InfoReport.AccessState { await admin.server.report().access }
            #expect(await state().file == path)
            #expect(await state().loadedAt != nil)
            #expect(try await status(admin, Self.first) == 200)
            #expect(try await status(admin, Self.second) == 401)
            try folder.write("tokens:\n  - { name: board, role: viewer, token: \(Self.second) }\n", to: "access.yaml")
            try await eventually { try await status(admin, Self.second) == 200 }
            #expect(try await status(admin, Self.first) == 401)
            try await eventually {
                admin.log.text.contains("info admin access reloaded added=board file=\(path) removed=ops")
            }
            try folder.write("tokens: []\n", to: "access.yaml")
            try await eventually { await state().error?.hasPrefix("\(path):1: grants access to no one") == true }
            reloader.reload()
            try await Task.sleep(for: .milliseconds(200))
            #expect(try await status(admin, Self.second) == 200)
            let line = "error admin access could not be reloaded; keeping the one in force: \(path):1: grants access"
            #expect(admin.log.text.components(separatedBy: line).count == 2, "\(admin.log.text)")
            try folder.write("tokens:\n  - { name: ops, role: admin, token: \(Self.first) }\n", to: "access.yaml")
            try await eventually { await state().error == nil }
            #expect(try await status(admin, Self.first) == 200)
            #expect(!admin.log.text.contains("-token-of-all"))
        }
    }

    @Test("a key that is removed from the file of keys is no longer accepted; users of the others stay signed in")
    func keys() async throws {
        let folder = try TemporaryFolder()
        let mint = try await TokenMint()
        let all = try mint.jwks()
        try folder.write(all, to: "jwks.json")
        let rules =
            "keys: jwks.json, audience: tollgate, issuer: https://issuer.example, roles: { viewer: tollgate-viewer }"
        try await reloading("jwt: { \(rules) }\n", in: folder) { admin, access, _ in
            let (rsa, elliptic) = (
                try await mint.sign(TokenMint.claims(), kid: "rsa"), try await mint.sign(TokenMint.claims(), kid: "ec")
            )
            let authenticator = Authenticator(access, logger: admin.log.logger)
            let users = [
                try await authenticator.authenticate(token: rsa, "test"),
                try await authenticator.authenticate(token: elliptic, "test"),
            ]
            #expect(users.allSatisfy(access.grants))
            let lines = all.split(separator: "\n").filter { !$0.contains(#""kid":"rsa""#) }
            try folder.write(lines.joined(separator: "\n"), to: "jwks.json")
            try await eventually { try await status(admin, rsa) == 401 }
            #expect(try await status(admin, elliptic) == 200)
            #expect(users.map(access.grants) == [false, true])
            try await eventually { admin.log.text.contains("removed=jwt:rsa") }
            // Other rules for the same keys.
            try folder.write("jwt: { \(rules.replacing("viewer:", with: "admin:")) }\n", to: "access.yaml")
            try await eventually { !access.grants(users[1]) }
            #expect(try await status(admin, elliptic) == 200)
        }
    }
}
