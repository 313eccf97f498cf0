import Foundation
import ProviderFake
import Testing
import TollgateAccounts
import TollgateCore
import TollgatePolicy
import TollgateProviders
import TollgateServer
import TollgateStores
import TollgateTestSupport

@testable import TollgateAdmin

/// Accounts that administrators set over HTTP.
@Suite("Accounts of administrators")
struct AccountRouteTests {
    private static let policy = """
        accounts:
          main:
            provider: anthropic
            credential_file: /nonexistent/key
            base_url: http://127.0.0.1:9
            billing_day: 31
            limits: { tokens: { month: 100 }, requests: { month: 7 } }
          plain: { provider: github }
        """

    @Test("an account replaces the one of the policy file, with its limits limit by limit, until it is deleted")
    func overTheFile() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let file = try await admin.ask("GET", "/v1/accounts/main")
            #expect(file["origin"]?.text == "file" && file["version"] == .null && file.tag == "\"0\"")
            #expect(file["settings"]?.members?["base_url"]?.text == "http://127.0.0.1:9")
            let body =
                #"{"provider":"openai","credential_env":"OPENAI_KEY","project_ids":["p_1"],"billing_day":5,"sync":"5m","limits":{"tokens":{"month":50}}}"#
            let made = try await admin.ask("PUT", "/v1/accounts/main", body)
            #expect(made.status == 201 && made.tag == "\"1\"", "\(made.text)")
            #expect(made["origin"]?.text == "admin" && made["version"] == .integer(1))
            #expect(made["provider"]?.text == "openai" && made["sync_seconds"] == .integer(300))
            #expect(made["sync_requested"] == .bool(true))
            #expect(
                made["limits"]
                    == (try JSONValue(parsing: Data(#"{"requests":{"month":7},"tokens":{"month":50}}"#.utf8))))
            #expect(made["settings"]?.members?["base_url"] == nil)
            let lines = try admin.lineClient()
            let denied = try await lines.ask("CHECK account=main tokens=51")[0]
            #expect(denied.hasPrefix("DENY reason=quota_exceeded limit=account:main/tokens/month max=50"), "\(denied)")
            #expect(try await admin.ask("GET", "/v1/accounts")["items"]?.items?.count == 2)
            let inPolicy = try await admin.ask("GET", "/v1/policy")["accounts"]?.members
            #expect(inPolicy?["main"]?.members?["origin"]?.text == "admin")
            #expect(inPolicy?["plain"]?.members?["origin"]?.text == "file")

            // The limits of the scope itself take precedence.
            let own = try await admin.ask(
                "PUT", "/v1/scopes/account:main/limits", #"{"limits":{"tokens":{"month":70}}}"#)
            #expect(
                own["effective"]?.items?.first { $0.members?["limit"]?.text == "tokens/month" }?.members?["max"]
                    == .integer(70))
            let limits = try await admin.ask("GET", "/v1/accounts/main")["limits"]?.members
            #expect(limits?["tokens"]?.members?["month"] == .integer(70))
            #expect(
                try await admin.ask("DELETE", "/v1/scopes/account:main/limits", headers: ["If-Match": "*"]).status
                    == 204)

            #expect(try await admin.ask("DELETE", "/v1/accounts/main", headers: ["If-Match": "\"1\""]).status == 204)
            let restored = try await admin.ask("GET", "/v1/accounts/main")
            for key in ["origin", "version", "settings", "limits", "period"] { #expect(restored[key] == file[key]) }
            #expect(restored["sync_requested"] == .bool(true) && restored.tag == "\"0\"")
            let after = try await lines.ask("PEEK account=main tokens=101")[0]
            #expect(after.contains("limit=account:main/tokens/month max=100"), "\(after)")
            let again = try await admin.ask("DELETE", "/v1/accounts/main", headers: ["If-Match": "*"])
            #expect(again.status == 409 && again["detail"]?.text?.contains("the policy file (test.yaml)") == true)
            #expect(try await admin.ask("DELETE", "/v1/accounts/other").status == 404)
        }
    }

    @Test(
        "what could reveal or divert a credential is refused by name, and neither echoed, logged nor stored",
        arguments: [
            (#""api_key":"SECRET""#, "api_key", "a credential itself is not accepted"),
            (#""credential":"hidden-SECRET""#, "credential", "a credential itself is not accepted"),
            (#""credential_file":"sk-ant-SECRET""#, "credential_file", "a credential itself is not accepted"),
            (#""credential_env":"SECRET-1""#, "credential_env", "expected the name of a variable"),
            (#""credential_env":"TOLLGATE_REDIS""#, "credential_env", "does not begin with TOLLGATE_"),
            (#""credential_file":"keys/SECRET""#, "credential_file", "expected the absolute path of a file"),
            (#""credential_file":"/a\nSECRET""#, "credential_file", "expected the absolute path of a file"),
            (#""workspace_ids":["sk-SECRET"]"#, "workspace_ids", "a credential itself is not accepted"),
            (#""workspace_ids":["a SECRET"]"#, "workspace_ids", "letters, digits, - and _"),
            (#""ghp_SECRET":1"#, "…", "a credential itself is not accepted"),
            (#""notes":"SECRET""#, "notes", "unknown key"),
            (#""sync":"SECRET-1""#, "sync", "expected a time from 60s to 24h"),
            (#""limits":{"tokens":{"month":"sk-SECRET"}}"#, "limits", "a credential itself is not accepted"),
            (#""base_url":"https://SECRET.example.com""#, "base_url", "is accepted in the policy file only"),
        ])
    func refusals(member: String, field: String, sentence: String) async throws {
        try await withAdmin { admin in
            let answer = try await admin.ask("PUT", "/v1/accounts/main", #"{"provider":"anthropic",\#(member)}"#)
            #expect(answer.status == 422 && answer.fields.contains(field), "\(answer.text)")
            #expect(answer.text.contains(sentence) && !answer.text.contains("SECRET"), "\(answer.text)")
            #expect(!admin.log.text.contains("SECRET"))
            #expect(try admin.redis.cli("EXISTS", "tollgate:{policy}:accounts", "tollgate:{policy}:audit") == "0")
        }
    }

    @Test("bodies and ids that are not those of an account are refused with what would be right")
    func malformed() async throws {
        try await withAdmin { admin in
            for (body, field) in [
                ("{}", "provider"), (#"{"provider":"azure"}"#, "provider"), (#"{"provider":null}"#, "provider"),
                (#"{"provider":"github","billing_day":32}"#, "billing_day"),
                (#"{"provider":"github","sync":"59s"}"#, "sync"), (#"{"provider":"github","sync":300}"#, "sync"),
                (#"{"provider":"github","credential_file":""}"#, "credential_file"),
                (#"{"provider":"github","limits":{"token":{"month":1}}}"#, "limits.token"),
                (#"{"provider":"github","workspace_ids":["a"]}"#, "workspace_ids"),
                (#"{"provider":"anthropic","credential_env":"A","credential_file":"/a"}"#, "credential_file"),
                (#"{"provider":"anthropic","credential_env":"A","workspace_ids":["a","a"]}"#, "workspace_ids"),
                (#"{"provider":"anthropic","workspace_ids":["a"]}"#, ""), ("[]", ""),
            ] {
                let answer = try await admin.ask("PUT", "/v1/accounts/a", body)
                #expect(answer.status == 422 && answer.fields.contains(field), "\(body): \(answer.text)")
            }
            #expect(try await admin.ask("PUT", "/v1/accounts/a", "{").status == 400)
            #expect(
                try await admin.ask("PUT", "/v1/accounts/a", #"{"provider":"github","provider":"x"}"#).status == 400)
            let long = String(repeating: "a", count: 257)
            for id in [long, "a%00b"] {
                #expect(try await admin.ask("PUT", "/v1/accounts/\(id)", #"{"provider":"github"}"#).status == 400)
            }
            let key = try await admin.ask("PUT", "/v1/accounts/sk-123456", #"{"provider":"github"}"#)
            #expect(key.status == 422 && !key.text.contains("1234"), "\(key.text)")
            for role in [Role.viewer, .caller] {
                let token = AdminHarness.tokens[role]
                for method in ["PUT", "DELETE"] {
                    #expect(try await admin.ask(method, "/v1/accounts/a", "{}", token: token).status == 403)
                }
            }
        }
    }

    @Test("there are at most 100 accounts, with those of the policy file that are not replaced", arguments: [98, 100])
    func tooMany(ofFile: Int) async throws {
        let file = (0..<ofFile).map { "  f\($0): { provider: github }\n" }.joined()
        try await withAdmin(policy: "accounts:\n" + file) { admin in
            func put(_ id: String, _ headers: [String: String] = [:]) async throws -> AdminHarness.Answer {
                try await admin.ask("PUT", "/v1/accounts/\(id)", #"{"provider":"openrouter"}"#, headers: headers)
            }
            #expect(try await put("f0").status == 201, "it replaces one of the file")
            for number in 0..<100 - ofFile { #expect(try await put("a\(number)").status == 201) }
            let refused = try await put("b")
            #expect(refused.status == 409, "\(refused.text)")
            #expect(refused["detail"]?.text == "there can be at most 100 accounts, with those of the policy file")
            #expect(try await put("f1").status == 201)
            #expect(try await put("f1", ["If-Match": "*"]).status == 200)
            #expect(try await admin.ask("GET", "/v1/accounts")["items"]?.items?.count == 100)
        }
    }

    @Test("another sidecar sees a change at once, and the audit log says who made it")
    func shared() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            try await withAdmin(redis: admin.redis) { other in
                let body = #"{"provider":"openrouter","limits":{"cost":{"month":"2"}}}"#
                #expect(try await admin.ask("PUT", "/v1/accounts/new", body).status == 201)
                #expect(try await other.ask("GET", "/v1/accounts/new")["version"] == .integer(1))
                try await eventually { other.server.policies.effective.accounts["new"]?.provider == .openrouter }
                let denied = try await other.lineClient().ask("CHECK account=new cost=2.5")[0]
                #expect(denied.contains("limit=account:new/cost/month max=2"), "\(denied)")
                let changed = try await other.ask(
                    "PUT", "/v1/accounts/new", #"{"provider":"openrouter","billing_day":3}"#,
                    headers: ["If-Match": "\"1\""])
                #expect(changed.status == 200, "\(changed.text)")
                try await eventually { admin.server.policies.effective.accounts["new"]?.billingDay == 3 }
                #expect(try await admin.ask("DELETE", "/v1/accounts/new", headers: ["If-Match": "\"2\""]).status == 204)
                try await eventually { other.server.policies.effective.accounts["new"] == nil }
                let entries = try #require(try await admin.ask("GET", "/v1/audit")["items"]?.items)
                #expect(
                    entries.compactMap { $0.members?["action"]?.text } == [
                        "account.delete", "account.set", "account.set",
                    ])
                #expect(entries.allSatisfy { $0.members?["target"]?.text == "new" })
                #expect(entries.allSatisfy { $0.members?["who"]?.text == "the admin" })
                #expect(entries[1].members?["before"] == entries[2].members?["after"])
            }
        }
    }

    @Test("an account is bound by PUT and by a command, and no two accounts to one provider")
    func bound() async throws {
        let policy = "fold_case: [provider]\naccounts: { main: { provider: openai, bind: openai } }\nno_limits: true"
        try await withAdmin(policy: policy) { admin in
            let body = #"{"provider":"openai","bind":"\#("OpenAI")"}"#
            let clash = try await admin.ask("PUT", "/v1/accounts/other", body)
            #expect(clash.status == 422 && clash.fields == ["bind"], "\(clash.text)")
            #expect(clash.text.contains("main is bound to openai already; expected one account for an id"))
            let eu = try await admin.tollgate(
                "account", "set", "other", "--provider", "openai", "--bind", "openai-EU", "--limit", "requests/day=1")
            #expect(eu.status == 0, "\(eu.errors)")
            #expect(try await admin.ask("GET", "/v1/accounts/other")["bind"]?.text == "openai-eu")
            let lines = try admin.lineClient()
            #expect(
                try await lines.ask("CHECK provider=openai-eu")[0].hasPrefix("ALLOW limit=account:other/requests/day"))
            #expect(try await lines.ask("CHECK provider=openai-eu")[0].hasPrefix("DENY reason=quota_exceeded"))
            #expect(try await lines.ask("CHECK provider=openai")[0] == "ALLOW")
            let again = try await admin.tollgate("account", "set", "other", "--sync", "5m")
            #expect(again.status == 0, "what is not given stays: \(again.errors)")
            #expect(try await admin.ask("GET", "/v1/accounts/other")["bind"]?.text == "openai-eu")
            // The file's account is replaced, its binding given to another one, and the replacement removed again.
            for words in [
                ["set", "main", "--provider", "openai", "--bind", "x"], ["set", "other", "--bind", "openai"],
                ["unset", "main"],
            ] {
                let done = try await admin.tollgate(["account"] + words)
                #expect(done.status == 0, "\(words): \(done.errors)")
            }
            #expect(try await lines.ask("CHECK provider=openai")[0].contains("account:other/requests/day"))
            #expect(try await lines.ask("STATUS")[0].contains(#""not_bound":["main"]"#))
            let unbound = try await admin.ask("PUT", "/v1/accounts/main", #"{"provider":"openai"}"#)
            #expect(unbound.status < 300, "\(unbound.text)")
            #expect(try await lines.ask("STATUS")[0].contains(#""not_bound":[]"#), "main no longer asks for a binding")
        }
    }

    @Test("a limit that is raised keeps the other settings that the policy file gives it, by each command")
    func keptSettings() async throws {
        let policy = """
            accounts:
              main:
                provider: openai
                credential_env: NO_SUCH_KEY
                limits: { tokens: { month: { max: 100, source: own, mode: shadow, thresholds: [50] } } }
            """
        for words in [
            ["limit", "set", "account:main", "tokens/month=200"],
            ["account", "set", "main", "--limit", "tokens/month=200"],
        ] {
            try await withAdmin(policy: policy) { admin in
                let done = try await admin.tollgate(words)
                #expect(done.status == 0, "\(done.errors)")
                let limits = try await admin.ask("GET", "/v1/scopes/account:main/limits")
                let expected =
                    #""as_set":{"max":200,"mode":"shadow","source":"own","thresholds":[50]},"counts":"own""#
                #expect(limits.text.contains(expected), "\(words): \(limits.text)")
                let changed = try await admin.tollgate(words + ["--source", "provider"])
                #expect(changed.status == 0, "\(changed.errors)")
                #expect(
                    try await admin.ask("GET", "/v1/scopes/account:main/limits").text.contains(#""counts":"provider""#))
            }
        }
        try await withAdmin(policy: policy) { admin in
            let done = try await admin.tollgate(
                "override", "set", "account:main", "--limit", "tokens/month=300", "--for", "1h", "--reason", "more")
            #expect(done.status == 0, "\(done.errors)")
            let limits = try await admin.ask("GET", "/v1/scopes/account:main/limits")
            #expect(limits.text.contains(#""counts":"own","limit":"tokens/month","max":300"#), "\(limits.text)")
        }
    }

    @Test("an account with malformed figures does not hide the others, and is an error by itself")
    func unreadable() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            try admin.redis.cli("HSET", "tollgate:{accounts}:days:main", "2026-11-30", "nonsense")
            let items = try #require(try await admin.ask("GET", "/v1/accounts")["items"]?.items)
            #expect(items.map { $0.members?["status"]?.text } == ["unreadable", "off"])
            let failure = items[0].members?["failure"]?.text
            #expect(failure == "tollgate:{accounts}:days:main: malformed figures of 2026-11-30")
            let one = try await admin.ask("GET", "/v1/accounts/main")
            #expect(one.status == 500 && one["detail"]?.text == failure)
            let list = try await admin.tollgate("account", "list")
            #expect(list.output.contains("unreadable") && list.output.contains("plain"), "\(list.output)\(list.errors)")
        }
    }

    @Test("an account made by PUT is read from its provider; after a change of provider the figures are not shown")
    func reading() async throws {
        try await withAdmin { admin in
            let now = Int64(Date.now.timeIntervalSince1970)
            var books = FakeBooks(now: now)
            let hour = now / 86_400 * 86_400
            books.usage.append(
                .init(hour: hour, uncached: 7, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 5, requests: 2))
            try await FakeProvider.with(books) { fake in
                let folder = try TemporaryFolder()
                try folder.write(FakeProvider.credential + "\n", to: "key")
                // The API accepts no other address than the provider's own, so the fake's is put in after it.
                var timing = AccountSync.Timing()
                timing.tick = .milliseconds(50)
                let sync = AccountSync(
                    store: admin.server.stores.accounts,
                    policy: {
                        var policy = admin.server.policies.effective
                        for id in policy.accounts.keys { policy.accounts[id]?.baseURL = fake.url }
                        return policy
                    }, sidecar: "test:1", version: "1.2.3", timing: timing, logger: admin.log.logger)
                let running = Task { await sync.run() }
                let body = #"{"provider":"openai","credential_file":"\#(folder.path)/key"}"#
                #expect(try await admin.ask("PUT", "/v1/accounts/main", body).status == 201)
                try await eventually {
                    try await admin.ask("GET", "/v1/accounts/main")["status"]?.text == "fresh"
                }
                let read = try await admin.ask("GET", "/v1/accounts/main")
                #expect(read["reported"]?.members?["requests"] == .integer(2), "\(read.text)")
                let other = body.replacing("openai", with: "anthropic")
                let changed = try await admin.ask("PUT", "/v1/accounts/main", other, headers: ["If-Match": "*"])
                #expect(changed["reported"] == .null && changed["status"]?.text == "never", "\(changed.text)")
                running.cancel()
                await running.value
                #expect(!admin.log.text.contains(FakeProvider.credential))
                for key in try admin.redis.cli("KEYS", "*").split(separator: "\n") {
                    #expect(!(try admin.redis.cli("DUMP", String(key)).contains("sk-fake")))
                }
            }
        }
    }
}
