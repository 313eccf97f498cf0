import Foundation
import Testing
import TollgateAdmin
import TollgateTestSupport

@testable import tollgate

/// The command `tollgate status`.
@Suite struct StatusCommandTests {
    private static let policy = """
        defaults: { user: { requests: { total: 1 } }, tenant: { cost: { day: 1 } }, team: { cost: { day: 1 } } }
        """

    @Test("status prints a ready sidecar within 80 columns, exits with 0, and --json prints STATUS")
    func ready() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        _ = try await sidecar.tollgate("check", "user=alice")
        _ = try await sidecar.tollgate("check", "tool=a", "model=m")
        _ = try await sidecar.tollgate("check", "tool=b")
        try await eventually { try await sidecar.tollgate("status").status == 0 }
        let status = try await sidecar.tollgate("status")
        #expect(status.output.hasPrefix("ready\n"), "\(status.output)")
        #expect(status.output.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(status.output)")
        for part in [
            "version    0.1.0, up ", ":\(sidecar.port)", "version 7.", "1 of 1 links ready", "3 allowed, 0 denied",
            "no limit   decisions to which no limit applied, by kind: tool 2, model 1\n",
            "not named  kinds with limits that no request has named: team, tenant\n", "empty",
        ] {
            #expect(status.output.contains(part), "\(part): \(status.output)")
        }
        let json = try await sidecar.tollgate("status", "--json")
        let reply = try JSONDecoder().decode(JSONValue.self, from: Data(json.output.utf8))
        #expect(json.status == 0 && reply["counts"]["allowed"] == .integer(3))
    }

    @Test("status prints why a sidecar is not ready and exits with 1, and with 2 if none answers")
    func notReady() async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        sidecar.redis.stop()
        try await eventually(within: .seconds(30)) { try await sidecar.tollgate("status").status == 1 }
        let status = try await sidecar.tollgate("status")
        #expect(status.output.hasPrefix("not ready\nnot ready: no connection to Redis: "), "\(status.output)")
        #expect(try await sidecar.tollgate("status", "--json").status == 1)
        let unreachable = try await sidecar.tollgate("status", "--connect", "unix:/nonexistent/tollgate.sock")
        #expect(unreachable.status == 2 && unreachable.output.isEmpty && !unreachable.errors.isEmpty)
    }

    @Test("status without the token exits with 2")
    func unauthenticated() async throws {
        let sidecar = try await Sidecar(policy: Self.policy, token: "the token of tests")
        let status = try await sidecar.tollgate("status")
        #expect(status.status == 2 && status.errors.hasPrefix("ERR unauthenticated"), "\(status)")
    }

    @Test("warnings come first, and control characters and long lines are made harmless")
    func warnings() throws {
        let sentence = String(repeating: "counters may be evicted ", count: 8)
        let json = """
            {"version":"0.1.0","uptime_seconds":93784,"not_ready":[],"listen":["127.0.0.1:7379"],
             "redis":{"address":"unix:/r","links":["ready"],"functions":"yes","health":{
               "warnings":["\(sentence)"],"data_losses":2,"last_data_loss":"2026-11-20T10:00:00Z"}},
             "policy":{"file":"t.yaml","error":"t.yaml:3: bad\\u001b[31m","differs_from":["other"],"digest":"abc",
               "loaded_at":"2026-11-20T10:00:00Z","is_subscribed":true},
             "clients":{"max":4096,"refused":0},"counts":{"connections":1,"allowed":5},
             "journal":{"operations":7,"oldest_seconds":61,"replayed_per_second":0,"rejected":1}}
            """
        let status = StatusText(
            try JSONDecoder().decode(JSONValue.self, from: Data(json.utf8)),
            at: try Date("2026-11-20T13:10:00Z", strategy: .iso8601))
        let lines = status.text(on: Terminal(columns: 200, isUTF8: true, hasColour: false)).components(
            separatedBy: "\n")
        #expect(lines.allSatisfy { $0.count <= 80 && !$0.contains("\u{1b}") }, "\(lines)")
        let rest = try #require(lines.firstIndex(of: ""))
        let warnings = lines[..<rest].joined(separator: "\n")
        #expect(warnings.hasPrefix("ready\nwarning: counters may be evicted"))
        for part in ["lost its data", "t.yaml:3: bad?[31m", "another policy: other", "rejected 1 journal"] {
            #expect(warnings.contains(part), "\(part)")
        }
        let others = lines[rest...].joined(separator: "\n")
        for part in ["up 1 d 2 h", "read 3 h 10 min ago", "7 operations wait for Redis, the oldest for 1 min 1 s"] {
            #expect(others.contains(part), "\(part)")
        }
    }
}
