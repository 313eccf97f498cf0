import Foundation
import Testing
import TollgateTestSupport

/// Sidecars whose policy sets `decimals`, from requests to reports.
@Suite struct MoneyUnitTests {
    private let redis: TestRedis

    init() async throws {
        redis = try TestRedis()
    }

    private static func policy(_ currency: String, _ decimals: Int?, day: String) -> String {
        """
        currency: \(currency)
        \(decimals.map { "decimals: \($0)" } ?? "")
        defaults:
          user: { cost: { day: { max: \(day), thresholds: [50] } } }
        """
    }

    private func sidecar(_ policy: String, _ arguments: String..., isReady: Bool = true) async throws -> SidecarProcess
    {
        try await SidecarProcess(
            policy: policy, arguments: ["--redis", "\(redis.address)", "--deadline", "10s"] + arguments,
            waitsUntilReady: isReady)
    }

    private func run(_ words: [String], at sidecar: SidecarProcess) async throws -> String {
        let command = try await Command.run(
            SidecarProcess.program, words, workingFolder: sidecar.folder.path,
            environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(sidecar.adminSocketPath)"])
        #expect(command.status == 0, "\(words): \(command.errors)")
        return command.output
    }

    @Test("budgets of 10¹⁵ rupiahs are counted, alerted, reported and steered without decimals")
    func rupiah() async throws {
        let sidecar = try await sidecar(Self.policy("IDR", 0, day: "5000000000000000"))
        let client = try sidecar.client()
        func expect(_ line: String, _ reply: String) async throws {
            let found = try await client.ask(line)[0]
            #expect(found.hasPrefix(reply), "\(line): \(found)")
        }
        try await expect("RECORD user=a provider=openai cost=2499999999999999", "OK")
        try await expect("RECORD user=a provider=openai cost=1", "OK warn=user:a/cost/day:50")
        try await expect(
            "CHECK user=a cost=2500000000000001",
            "DENY reason=quota_exceeded limit=user:a/cost/day max=5000000000000000 used=2500000000000000 remaining=2500000000000000 "
        )
        try await expect(
            "RESERVE user=a cost=2500000000000000",
            "ALLOW limit=user:a/cost/day max=5000000000000000 used=2500000000000000 held=2500000000000000 remaining=0 ")
        try await expect(
            "RECORD user=a cost=0.5", "ERR bad_request cost: expected a whole number (the policy has decimals: 0)")
        try await expect("RECORD user=a cost=9000000000000001", "ERR bad_request cost: more than 9000000000000000")
        let usage = try await client.ask("USAGE scope=user:a")[0]
        for part in [#""max":"5000000000000000""#, #""used":"2500000000000000""#] {
            #expect(usage.contains(part), "\(usage)")
        }
        #expect(try redis.hash("tollgate:user:a")["cost/day"] == "2500000000000000")

        let problem = try await sidecar.ask("POST", "/v1/check", #"{"scopes":{"user":"a"},"cost":"0.5"}"#)
        #expect(problem.status == 422 && problem.body.contains("decimals: 0"), "\(problem.body)")
        let allowed = try await sidecar.ask("POST", "/v1/check", #"{"scopes":{"user":"b"},"cost":7}"#)
        #expect(allowed.status == 200, "\(allowed.body)")
        #expect(try await sidecar.ask("GET", "/v1/usage?scope=user:a").body.contains(#""used":"2500000000000000""#))
        for path in ["daily?scope=user:a&by=provider", "daily?scope=user:a&format=csv", "top?kind=user&meter=cost"] {
            let report = try await sidecar.ask("GET", "/v1/reports/\(path)").body
            #expect(report.contains("2500000000000000") && !report.contains("2500000.0"), "\(report)")
        }
        #expect(
            try await sidecar.ask("GET", "/v1/scopes/user:a/reservations").body.contains(#""cost":"2500000000000000""#))
        try await eventually {
            let alerts = try await sidecar.ask("GET", "/v1/alerts").body
            return alerts.contains(#""max":"5000000000000000""#) && alerts.contains(#""used":"2500000000000000""#)
        }
        try await eventually {
            try await sidecar.ask("GET", "/v1/events").body.contains(#""held":"0","#)
        }
        #expect(try await sidecar.ask("GET", "/v1/policy").body.contains(#""decimals":0"#))
        #expect(try await client.ask("STATUS")[0].contains(#""decimals":0"#))
        let validation = try await sidecar.ask("POST", "/v1/policy/validate", Self.policy("IDR", 2, day: "5"))
        #expect(validation.body.contains("decimals: 2 in the file, 0 in force"), "\(validation.body)")
    }

    @Test("commands keep amounts as they were written")
    func commands() async throws {
        let sidecar = try await sidecar(Self.policy("IDR", 0, day: "5000000000000000"))
        _ = try await run(["limit", "set", "user:a", "cost/month=80000000000"], at: sidecar)
        _ = try await run(["limit", "set", "user:a", "cost/1h=70000000000", "requests/1m=5"], at: sidecar)
        let limits = try await sidecar.ask("GET", "/v1/scopes/user:a/limits").body
        #expect(
            limits.contains(#""limits":{"cost":{"1h":"70000000000","month":"80000000000"},"requests":{"1m":5}}"#),
            "\(limits)")
        _ = try await run(["tier", "set", "big", "--limit", "cost/day=9000000000000000"], at: sidecar)
        _ = try await run(
            ["override", "set", "user:a", "--add", "cost/month=60000000000", "--for", "1d", "--reason", "r"],
            at: sidecar)
        #expect(try await sidecar.client().ask("USAGE scope=user:a")[0].contains(#""max":"140000000000""#))
        _ = try await sidecar.client().ask("RECORD user=a cost=3")
        _ = try await run(["reset", "user:a", "cost/month"], at: sidecar)
        let audit = try await run(["audit"], at: sidecar)
        #expect(audit.contains("reset user:a: cost/month (was 3)"), "\(audit)")
        let export = try await run(["policy", "export"], at: sidecar)
        #expect(export.contains("decimals: 0\n") && export.contains("month: 80000000000"), "\(export)")
        try sidecar.folder.write(export, to: "export.yaml")
        #expect(try await run(["policy", "apply", "export.yaml"], at: sidecar) == "nothing to change\n")
        try sidecar.folder.write(
            export.replacing("decimals: 0\n", with: "decimals: 1\n").replacing("9000000000000000", with: "9"),
            to: "other.yaml")
        let other = try await Command.run(
            SidecarProcess.program, ["policy", "apply", "other.yaml"], workingFolder: sidecar.folder.path,
            environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(sidecar.adminSocketPath)"])
        #expect(other.status == 2 && other.errors.contains("decimals: 1 in the file, 0 in force"), "\(other.errors)")
        try sidecar.folder.write("tiers: { big: { limits: { cost: { day: 9 } } } }", to: "none.yaml")
        let none = try await Command.run(
            SidecarProcess.program, ["policy", "apply", "none.yaml"], workingFolder: sidecar.folder.path,
            environment: ["TOLLGATE_ADMIN_CONNECT": "unix:\(sidecar.adminSocketPath)"])
        #expect(
            none.errors.hasPrefix(
                "the file has no decimals, which means 9, and 0 is in force: add decimals: 0\n"), "\(none.errors)")
    }

    @Test("amounts in dinars are read and written in fils", arguments: [1, 12, 123, 1_234, 5_005, 9_999])
    func dinar(fils: Int) async throws {
        let sidecar = try await sidecar(Self.policy("KWD", 3, day: "10.5"))
        let client = try sidecar.client()
        let text = "\(fils / 1_000).\(String(1_000 + fils % 1_000).dropFirst())"
        #expect(try await client.ask("RECORD user=a cost=\(text)")[0].hasPrefix("OK"))
        #expect(try redis.hash("tollgate:user:a")["cost/day"] == "\(fils)")
        let used = try await client.ask("PEEK user=a")[0].split(separator: " used=")[1].split(separator: " ")[0]
        #expect(Double(used) == Double(fils) / 1_000)
        #expect(!used.hasSuffix("0") && !used.hasSuffix("."))
        #expect(
            try await client.ask("RECORD user=a cost=0.0001")[0]
                == "ERR bad_request cost: more than 3 fraction digits (the policy has decimals: 3)")
    }

    @Test(
        "a sidecar with other decimals makes no decision, whether the first one had them or not",
        arguments: [nil, 0, 2])
    func otherUnit(decimals: Int?) async throws {
        let policy = Self.policy("JPY", decimals, day: "100")
        let first = try await sidecar(policy)
        #expect(try await first.client().ask("RECORD user=a cost=5 id=1")[0] == "OK")
        let noted = try redis.hash("tollgate:{policy}:marker")["layout"]
        #expect(noted == (decimals.map { "2,decimals=\($0)" } ?? "2"))

        let second = try await sidecar(Self.policy("JPY", 3, day: "100"), isReady: false)
        let sentence =
            "namespace tollgate counts money with decimals: \(decimals ?? 9), but the policy has decimals: 3; set decimals: \(decimals ?? 9) in the policy, or name another namespace"
        try await eventually {
            (try? await second.client().ask("CHECK user=a")[0]) == "ERR unavailable \(sentence)"
        }
        try await eventually {
            let readiness = try? await second.ask("GET", "/readyz")
            return readiness?.status == 503 && readiness?.body.contains(sentence) == true
        }
        #expect(second.log.contains(sentence))
        #expect(
            try redis.hash("tollgate:user:a")["cost/day"] == (decimals.map { $0 == 0 ? "5" : "500" } ?? "5000000000"))
        let third = try await sidecar(Self.policy("JPY", 3, day: "100"), "--namespace", "other")
        #expect(try await third.client().ask("RECORD user=a cost=5")[0] == "OK")
        #expect(try await first.client().ask("RECORD user=a cost=5 id=1")[0] == "OK duplicate=1")
    }

    @Test("a reload does not change the decimals, and keeps the active policy")
    func reload() async throws {
        let sidecar = try await sidecar(Self.policy("JPY", 0, day: "100"))
        try sidecar.folder.write(Self.policy("JPY", nil, day: "200"), to: "tollgate.yaml")
        let sentence = "tollgate.yaml: decimals: 9 in the file, 0 in force: a reload cannot change"
        try await eventually { sidecar.log.contains(sentence) }
        #expect(try await sidecar.client().ask("STATUS")[0].contains(sentence))
        #expect(try await sidecar.client().ask("PEEK user=a cost=150")[0].hasPrefix("DENY "))
        try sidecar.folder.write(Self.policy("JPY", 0, day: "200"), to: "tollgate.yaml")
        try await eventually { try await sidecar.client().ask("PEEK user=a cost=150")[0].hasPrefix("ALLOW ") }
    }

    @Test("usage that was reported with other decimals counts once they are right, unless it has too many digits")
    func journal() async throws {
        let first = try await sidecar(Self.policy("JPY", 2, day: "1000"))
        #expect(try await first.client().ask("RECORD user=a cost=1.5")[0] == "OK")
        #expect(try await first.stop() == 0)
        // A mistake in the policy.
        let second = try await SidecarProcess(
            policy: Self.policy("JPY", nil, day: "1000"), arguments: ["--redis", "\(redis.address)"],
            folder: first.folder, waitsUntilReady: false)
        try await eventually { second.log.contains("counts money with decimals: 2") }
        // The sidecar may listen a little later than it has met Redis.
        try await eventually { (try? second.client()) != nil }
        let replies = try await second.client().ask(
            "RECORD user=a cost=7.25 id=1", "RECORD user=a cost=0.125 id=2", "RECORD user=a cost=2 tokens=5 id=3")
        #expect(replies == ["OK queued=1", "OK queued=1", "OK queued=1"])
        #expect(try await second.stop() == 0)
        let third = try await SidecarProcess(
            policy: Self.policy("JPY", 2, day: "1000"),
            arguments: ["--redis", "\(redis.address)", "--deadline", "10s"], folder: first.folder)
        try await eventually { try redis.hash("tollgate:user:a")["cost/day"] == "1075" }
        try await eventually {
            third.log.contains("cost 0.125 has more fraction digits than decimals: 2 of the policy")
        }
        #expect(try await third.client().ask("RECORD user=a cost=7.25 id=1")[0] == "OK duplicate=1")
        #expect(try await third.client().ask("PEEK user=a")[0].contains(" used=10.75 "))
        #expect(try await third.stop() == 0)
    }
}
