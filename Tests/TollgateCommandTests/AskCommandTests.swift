import Foundation
import Testing
import TollgateTestSupport

/// The commands that call a running sidecar.
@Suite struct AskCommandTests {
    static let policy = """
        defaults:
          user: { requests: { 31d: 3 }, cost: { total: 10 } }
        scopes:
          tool:off: { requests: { 1m: 0 } }
        """

    @Test("check prints the reply and exits with 0 for ALLOW, 1 for DENY, 2 for an error")
    func check() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        let allowed = try await sidecar.tollgate("check", "user=alice", "requests=2")
        #expect(allowed.status == 0)
        #expect(allowed.output.hasPrefix("ALLOW limit=user:alice/requests/31d max=3 used=2 remaining=1 reset="))
        #expect(allowed.output.hasSuffix("\n") && allowed.output.split(separator: "\n").count == 1)
        let denied = try await sidecar.tollgate("check", "user=alice", "tool=off")
        #expect(denied.status == 1)
        #expect(
            denied.output == "DENY reason=blocked limit=tool:off/requests/1m max=0 used=0 remaining=0 source=scope\n")
        let wrong = try await sidecar.tollgate("check", "user=alice", "requests=none")
        #expect(wrong.status == 2)
        #expect(wrong.output == "")
        #expect(wrong.errors == "ERR bad_request requests: expected a whole number\n")
        #expect([allowed, denied].allSatisfy { $0.errors == "" })
    }

    @Test("scopes may be written kind=id or kind:id, with spaces in the id, and typos are errors")
    func scopeForms() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        for (used, word) in ["user=Alice B", "user:Alice B"].enumerated() {
            let checked = try await sidecar.tollgate("check", word)
            #expect(checked.output.hasPrefix("ALLOW limit=\"user:Alice B/requests/31d\" max=3 used=\(used + 1) "))
        }
        #expect(try await sidecar.tollgate("check", "user:alice+tool:off").status == 1)
        for word in ["user:alice", "user=alice"] {
            let usage = try await sidecar.tollgate("usage", word)
            #expect(usage.output.contains("user:alice"), "\(usage.errors)")
        }
        let typo = try await sidecar.tollgate("check", "usr=alice")
        #expect(typo.status == 2)
        #expect(typo.errors.hasPrefix("ERR bad_request usr: unknown kind; did you mean user? "), "\(typo.errors)")
    }

    @Test("peek prints the decision with check's statuses, and counts nothing")
    func peek() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        for _ in 0..<2 {
            let command = try await sidecar.tollgate("peek", "user=alice", "requests=3")
            #expect(command.status == 0)
            #expect(
                command.output.hasPrefix("ALLOW limit=user:alice/requests/31d max=3 used=0 remaining=3 "),
                "\(command.output)")
        }
        #expect(try await sidecar.tollgate("peek", "user=alice", "requests=4").status == 1)
    }

    @Test("record and refund print OK, and usage shows their effect")
    func recordAndUsage() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        let recorded = try await sidecar.tollgate("record", "user=alice", "cost=2.5")
        #expect(recorded.output == "OK\n" && recorded.status == 0)
        let refunded = try await sidecar.tollgate("refund", "user=alice", "cost=0.000000001")
        #expect(refunded.output == "OK\n" && refunded.status == 0)
        let usage = try await sidecar.tollgate("usage", "user:alice", "--json")
        #expect(usage.status == 0)
        #expect(usage.output.contains(#""limit":"cost/total","max":"10""#))
        #expect(usage.output.contains(#""used":"2.499999999""#), "\(usage.output)")
        let amountless = try await sidecar.tollgate("record", "user=alice")
        #expect(amountless.status == 2)
        #expect(
            amountless.errors
                == "ERR bad_request RECORD: names no amount; expected tokens=, input_tokens=, output_tokens=, cost= or requests=\n"
        )
        let scopeless = try await sidecar.tollgate("usage", "alice")
        #expect(scopeless.status == 2)
        #expect(scopeless.errors.hasPrefix("ERR bad_request scope: "))
    }

    @Test("reserve prints the decision and a token, with check's statuses, and commit and cancel use it")
    func reservations() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        func reserve(_ amount: String) async throws -> String {
            let reserved = try await sidecar.tollgate("reserve", "user=alice", amount, "ttl=60")
            #expect(reserved.status == 0, "\(reserved.errors)")
            #expect(reserved.output.hasPrefix("ALLOW limit=user:alice/"), "\(reserved.output)")
            return try #require(
                reserved.output.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("reservation=") }
            )
            .description
        }
        let first = try await reserve("cost=6")
        let denied = try await sidecar.tollgate("reserve", "user=alice", "cost=4.01", "ttl=60")
        #expect(denied.status == 1)
        #expect(denied.output.hasPrefix("DENY reason=quota_exceeded limit=user:alice/cost/total "), "\(denied.output)")
        let second = try await reserve("cost=4")
        for (words, output) in [
            (["commit", first, "cost=2.5"], "OK\n"), (["commit", first, "cost=2.5"], "OK duplicate=1\n"),
            (["cancel", second], "OK\n"),
            (
                ["cancel", second, "--json"],
                #"{"duplicate":true,"late":false,"queued":false,"status":"ok","warnings":[]}"# + "\n"
            ),
        ] {
            let settled = try await Command.run(
                SidecarProcess.program, words + ["--connect", "unix:\(sidecar.process.socketPath)"])
            #expect(settled.status == 0 && settled.output == output, "\(settled)")
        }
        let usage = try await sidecar.tollgate("usage", "user:alice", "--json")
        #expect(usage.output.contains(#""used":"2.5""#), "\(usage.output)")
        let unknown = try await sidecar.tollgate("commit", "reservation=nonsense", "cost=1")
        #expect(unknown.status == 2)
        #expect(unknown.errors.hasPrefix("ERR bad_request reservation: "), "\(unknown.errors)")
    }

    @Test("--json prints decisions, receipts and errors as the admin API does")
    func json() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        func ask(_ words: String..., status: Int32) async throws -> String {
            let command = try await Command.run(
                SidecarProcess.program, words + ["--json", "--connect", "unix:\(sidecar.process.socketPath)"])
            #expect(command.status == status)
            #expect(command.errors == "")
            return command.output.replacing(#/"reset":[0-9.]+/#, with: #""reset":0"#)
        }
        let body = #"{"scopes":{"user":"bob"}}"#
        let answer = try await sidecar.process.ask("POST", "/v1/check", body).body
            .replacing(#/"reset":[0-9.]+/#, with: #""reset":0"#)
        let allowed = try await ask("check", "user=bob", status: 0)
        #expect(
            allowed
                == answer.replacing(#""remaining":2"#, with: #""remaining":1"#).replacing(
                    #""used":1"#, with: #""used":2"#))
        #expect(
            allowed
                == #"{"decision":"allow","degraded":false,"limit":"user:bob/requests/31d","max":3,"remaining":1,"reset":0,"shadow":[],"used":2,"warnings":[]}"#
                + "\n")
        #expect(
            try await ask("check", "user=alice", "cost=10.000000001", status: 1)
                == #"{"decision":"deny","degraded":false,"limit":"user:alice/cost/total","max":"10","reason":"quota_exceeded","remaining":"10","shadow":[],"source":"defaults","used":"0","warnings":[]}"#
                + "\n")
        #expect(
            try await ask("check", "user=", status: 2)
                == #"{"code":"bad_request","detail":"user: empty value"}"# + "\n")
        #expect(
            try await ask("record", "user=alice", "cost=1", status: 0)
                == #"{"duplicate":false,"queued":false,"status":"ok","warnings":[]}"# + "\n")
        #expect(try await ask("ping", status: 0) == #"{"status":"ok"}"# + "\n")
        #expect(try await ask("usage", "user:alice", status: 0).contains(#""scope":"user:alice""#))
    }

    @Test("ids with spaces, quotes, equals signs, plus signs and other letters are preserved")
    func oddIds() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        for id in ["Alice B", #"say "hi""#, #"back\slash"#, "a=b", "bob+test@example.com", "Zoë 東京", "'single'"] {
            let checked = try await sidecar.tollgate("check", "user=\(id)")
            #expect(checked.status == 0, "\(id): \(checked.errors)")
            let scope = "user:" + id.replacing("+", with: "++")
            #expect(try sidecar.redis.cli("HGET", "tollgate:\(scope)", "requests/31d.n") == "1", "\(id)")
            let usage = try await sidecar.tollgate("usage", scope, "--json")
            #expect(usage.output.contains(#""used":1}"#), "\(id): \(usage.output) \(usage.errors)")
            #expect(try await sidecar.tollgate("usage", "user=\(id)", "--json").output == usage.output, "\(id)")
        }
        for id in ["a\nCHECK user=b", "a\rb", "tab\there"] {
            let refused = try await sidecar.tollgate("check", "user=\(id)")
            #expect(refused.errors == "ERR bad_request user: control character\n")
            #expect(refused.status == 2)
        }
    }

    @Test("an invalid address is one sentence and status 2")
    func wrongAddress() async throws {
        for (address, sentence) in [
            ("unix:/no/such.sock", "unavailable: unix:/no/such.sock: no such file or directory"),
            ("127.0.0.1:1", "unavailable: 127.0.0.1:1: connection refused"),
            ("nowhere.invalid:7379", "unavailable: nowhere.invalid:7379: host name not found"),
            ("7379", "--connect 7379: expected host:port or unix:PATH"),
            (
                "redis://127.0.0.1:7379",
                "--connect redis://127.0.0.1:7379: expected host:port or unix:PATH, without redis://"
            ),
            ("localhost:http", "--connect localhost:http: expected a port from 1 to 65535 after the colon"),
        ] {
            let ping = try await Command.run(SidecarProcess.program, ["ping", "--connect", address])
            #expect(ping.status == 2)
            #expect(ping.output == "")
            #expect(ping.errors == sentence + "\n")
        }
    }

    @Test("the token comes from the environment or a file, and a wrong one exits with 2")
    func token() async throws {
        let sidecar = try await Sidecar(policy: Self.policy, token: "open sesame, please")
        let folder = try TemporaryFolder()
        let file = try folder.write("open sesame, please\n", to: "token")
        let right = try await sidecar.tollgate("ping", environment: ["TOLLGATE_TOKEN": "open sesame, please"])
        #expect(right.output == "PONG\n" && right.status == 0)
        let fromFile = try await sidecar.tollgate("check", "--token-file", file, "user=alice")
        #expect(fromFile.status == 0, "\(fromFile.errors)")
        let fromNamedFile = try await sidecar.tollgate("ping", environment: ["TOLLGATE_TOKEN_FILE": file])
        #expect(fromNamedFile.status == 0, "\(fromNamedFile.errors)")
        let hint =
            "Name the file of the sidecar's token in --token-file or TOLLGATE_TOKEN_FILE, or set TOLLGATE_TOKEN.\n"
        let none = try await sidecar.tollgate("ping")
        #expect(none.status == 2)
        #expect(none.errors == "ERR unauthenticated AUTH with the token first\n" + hint)
        let wrong = try await sidecar.tollgate("ping", environment: ["TOLLGATE_TOKEN": "a guess of the token"])
        #expect(wrong.status == 2)
        #expect(wrong.errors == "unauthenticated: wrong token\n" + hint)
        let short = try await sidecar.tollgate("ping", environment: ["TOLLGATE_TOKEN": "fifteen letters"])
        #expect(short.status == 2 && short.errors == "TOLLGATE_TOKEN: expected 16 to 512 bytes\n", "\(short)")
        let missing = try await sidecar.tollgate("ping", "--token-file", "/no/such/token")
        #expect(missing.status == 2)
        #expect(missing.errors == "--token-file /no/such/token: does not exist\n")
    }
}
