import Foundation
import ProviderFake
import Testing
import TollgateTestSupport

/// The credentials of accounts in everything that a run of the program writes.
@Suite("Secrecy of credentials")
struct CredentialSecrecyTests {
    private static let wrong = "sk-admin-wrong-credential-8Hq2Lw5TzR"
    private static let variable = "sk-admin-variable-credential-4Bn7Xc9Vy"

    @Test("no credential is in Redis, files, logs, INFO, the API, errors, or what a killed process leaves")
    func secrecy() async throws {
        let now = Int64(Date.now.timeIntervalSince1970)
        var books = FakeBooks(now: now + 86_400)
        books.usage = [.init(hour: now / 86_400 * 86_400, uncached: 1, output: 1_000)]
        try await FakeProvider.with(books) { fake in
            let (keys, folder) = (try TemporaryFolder(), try TemporaryFolder())
            try keys.write(FakeProvider.credential, to: "right")
            try keys.write(Self.wrong, to: "wrong")
            try keys.write("\(Self.wrong) and more", to: "spaced")
            func account(_ id: String, _ credential: String, _ provider: String = "openai") -> String {
                "  \(id): { provider: \(provider), base_url: \"\(fake.url)\", \(credential) }\n"
            }
            let policy =
                "no_limits: true\naccounts:\n" + account("a", "credential_file: \(keys.path)/right")
                + account("b", "credential_file: \(keys.path)/wrong")
                + account("c", "credential_file: \(keys.path)/spaced")
                + account("d", "credential_env: TEST_ADMIN_KEY", "anthropic")
            var written: [String] = []
            do {
                let sidecar = try await SidecarProcess(
                    policy: policy, arguments: ["--deadline", "10s"], environment: ["TEST_ADMIN_KEY": Self.variable],
                    folder: folder)
                try await eventually(within: .seconds(30)) {
                    let list = try await sidecar.ask("GET", "/v1/accounts").body
                    return list.contains("\"fresh\"") && list.components(separatedBy: "\"failing\"").count == 4
                }
                for path in [
                    "accounts", "accounts/a", "accounts/b", "accounts/c", "accounts/d", "policy", "alerts", "audit",
                    "reports/drift",
                ] {
                    written.append(try await sidecar.ask("GET", "/v1/\(path)").body)
                }
                for body in [
                    #"{"provider":"openai","credential_file":"/k","api_key":"\#(Self.wrong)"}"#,
                    #"{"provider":"openai","credential_env":"\#(Self.wrong)"}"#,
                    #"{"provider":"openai","credential_file":"\#(Self.wrong)"}"#,
                ] {
                    let refused = try await sidecar.ask("PUT", "/v1/accounts/e", body, headers: ["If-None-Match": "*"])
                    #expect(refused.status == 422 || refused.status == 400, "\(refused)")
                    written.append(refused.body)
                }
                written.append(try await sidecar.ask("GET", "/readyz").body)
                let client = try sidecar.client()
                // A state is published shortly after it has been stored.
                let expected =
                    #""accounts":{"configured":4,"failing":["b","c","d"],"fresh":1,"not_bound":[],"reads_here":true,"stale":0}"#
                try await eventually { try await client.ask("STATUS")[0].contains(expected) }
                written += try await client.ask("STATUS")
                let text = try await Command.run(
                    SidecarProcess.program, ["status"], environment: ["TOLLGATE_CONNECT": "unix:\(sidecar.socketPath)"])
                let words = text.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
                #expect(words.contains("the usage of accounts cannot be read: b, c, d; see tollgate account list"))
                #expect(words.contains("4, read by this sidecar, 1 fresh, 3 failing"), "\(text.output)")
                written.append(text.output)
                sidecar.signal(SIGKILL)
                #expect(try await sidecar.end() != 0)
                written.append(sidecar.log)
            }
            // The embedded Redis ends with its sidecar; its data, the journal, tokens and the log remain.
            let found = try await Command.run(
                "grep",
                ["-r", "-a", "-l", "-e", Self.wrong, "-e", Self.variable, "-e", FakeProvider.credential, folder.path])
            #expect(found.output.isEmpty, "\(found.output)")
            for text in written {
                for secret in [Self.wrong, Self.variable, FakeProvider.credential, "wrong-credential", "variable-cred"]
                {
                    #expect(!text.contains(secret), "\(text)")
                }
            }
            #expect(written[1].contains("1001"), "the account has been read: \(written[1])")
            let answered = Set(fake.requests.compactMap { $0.headers["authorization"] ?? $0.headers["x-api-key"] })
            #expect(answered.isSuperset(of: ["Bearer \(Self.wrong)", Self.variable]), "the credentials have been used")
        }
    }
}
