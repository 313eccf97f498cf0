import Foundation
import Testing
import TollgateServer
import TollgateTestSupport

@testable import TollgateAdmin

/// Prices and accounts over the admin API and with the commands.
@Suite("Prices and accounts over HTTP")
struct PriceRouteTests {
    private static let policy = """
        thresholds: []
        defaults: { user: { requests: { 1m: 100 }, cost: { day: 10 } } }
        prices:
          openai:
            gpt-4o: { input: 2.50, output: 10 }
            gpt-5*:
              - { input: 1 }
              - { from: 2027-01-01, input: 2 }
          groq: { default: { input: 0 } }
        unknown_model: refuse
        accounts:
          main:
            provider: anthropic
            credential_file: /nonexistent/key
            billing_day: 31
            limits: { tokens: { month: 5000000000 } }
          plain: { provider: github, bind: groq }
        """

    @Test("calls have computed costs; a refused model is a 403 without a limit")
    func calls() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            func post(_ verb: String, _ body: String) async throws -> AdminHarness.Answer {
                try await admin.ask("POST", "/v1/\(verb)", body)
            }
            let call = #"{"scopes":{"user":"a","provider":"openai","model":"gpt-4o"},"input_tokens":1000"#
            #expect(try await post("check", call + "}")["cost"]?.text == "0.0025")
            let record = try await post("record", call + #","cache_read_tokens":1000,"id":"1"}"#)
            #expect(record["cost"]?.text == "0.005" && record["price"] == nil)
            let reserved = try await post("reserve", call + "}")
            let token = try #require(reserved["reservation"]?.text)
            let commit = try await post("commit", #"{"reservation":"\#(token)","input_tokens":1000,"model":"gpt-5-x"}"#)
            #expect(commit["cost"]?.text == "0.001")
            let refused = try await post("check", #"{"scopes":{"user":"a","model":"nope"}}"#)
            #expect(refused.status == 403)
            #expect(refused["code"]?.text == "unknown_model" && refused["price"]?.text == "unknown")
            #expect(refused["type"]?.text == "urn:tollgate:problem:unknown_model" && refused["limit"] == nil)
            #expect(refused.headers["x-should-retry"] == "false")
            for (field, value) in [("seconds", "1.2345"), ("seconds", "1000001"), ("images", "-1"), ("model", "1")] {
                let answer = try await post(
                    field == "model" ? "commit" : "record",
                    field == "model"
                        ? #"{"reservation":"\#(token)","model":1}"# : call + #","\#(field)":\#(value)}"#)
                #expect(answer.status == 422 && answer.fields == [field], "\(answer.text)")
            }
        }
    }

    @Test("the prices in force and the models without one are listed")
    func prices() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            _ = try await admin.lineClient().ask("CHECK user=a model=nope", "CHECK user=a model=nope provider=x")
            let all = try await admin.ask("GET", "/v1/prices", token: AdminHarness.tokens[.viewer])
            #expect(all["unknown_model"]?.text == "refuse" && all["currency"]?.text == "USD")
            #expect(all["prices"]?.members?.count == 2)
            #expect(
                all["unknown_models"]?.items?.map { $0.members?["requests"] } == [.integer(1), .integer(1)])
            let some = try await admin.ask("GET", "/v1/prices?model=gpt-5-mini")
            #expect(some["prices"]?.members?.keys.sorted() == ["openai"])
            #expect(try await admin.ask("GET", "/v1/prices?provider=").status == 400)
            let command = try await admin.tollgate("prices", "list", "--provider", "openai")
            #expect(
                command.output == """
                    provider  model   match   input  output  from
                    openai    gpt-4o  exact     2.5      10  -
                    openai    gpt-5   prefix      1       -  -
                    openai    gpt-5   prefix      2       -  2027-01-01

                    no price: nope, 1 requests
                    no price: nope of x, 1 requests

                    """ || command.output.contains("gpt-5*"), "\(command.output)\(command.errors)")
        }
    }

    @Test("accounts are listed with both sides of their usage; a reading can be requested")
    func accounts() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            _ = try await admin.lineClient().ask("RECORD user=a account=main tokens=70 cost=0.5 requests=2")
            let list = try #require(try await admin.ask("GET", "/v1/accounts")["items"]?.items)
            #expect(list.map { $0.members?["id"]?.text } == ["main", "plain"])
            #expect(list.map { $0.members?["status"]?.text } == ["never", "off"])
            let main = try await admin.ask("GET", "/v1/accounts/main")
            #expect(main["own"]?.members?["tokens"] == .integer(70) && main["own"]?.members?["cost"]?.text == "0.5")
            _ = try await admin.ask("POST", "/v1/record", #"{"scopes":{"user":"a","provider":"groq"},"tokens":5}"#)
            let bound = try await admin.ask("GET", "/v1/accounts/plain")
            #expect(main["bind"] == .null && bound["bind"]?.text == "groq")
            #expect(bound["own"]?.members?["tokens"] == .integer(5))
            #expect(
                try await admin.tollgate("account", "show", "plain").output.contains("\nbound to      provider:groq\n"))
            #expect(main["reported"] == .null && main["days"]?.members?.isEmpty == true)
            #expect(main["settings"]?.members?["credential_file"]?.text == "/nonexistent/key" && main.tag == "\"0\"")
            #expect(try await admin.ask("GET", "/v1/accounts/other").status == 404)
            let sync = "/v1/accounts/main/sync"
            #expect(try await admin.ask("POST", sync, "{}", token: AdminHarness.tokens[.viewer]).status == 403)
            let requested = try await admin.ask("POST", sync, "{}")
            #expect(requested.status == 202 && requested["sync_requested"] == .bool(true))
            #expect(try await admin.ask("POST", "/v1/accounts/plain/sync", "{}").status == 409)
            let shown = try await admin.tollgate("account", "list")
            #expect(shown.status == 0 && shown.output.contains("main"), "\(shown.output)\(shown.errors)")
            #expect(
                try await admin.tollgate("account", "show", "main").output.contains(
                    "own           2 requests, 70 tokens, cost 0.5"))
            #expect(try await admin.tollgate("account", "sync", "main").output == "main: requested; last read never\n")
        }
    }
}
