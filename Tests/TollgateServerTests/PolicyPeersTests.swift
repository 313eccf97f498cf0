import Foundation
import Testing
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// Sidecars with different policies in one namespace.
@Suite struct PolicyPeersTests {
    @Test("sidecars with different policies warn once and name each other, until they decide alike")
    func differ() async throws {
        let redis = try TestRedis()
        let (log, otherLog) = (CapturedLog(), CapturedLog())
        func adjust(_ settings: inout ServerSettings) { settings.peerInterval = .milliseconds(30) }
        let policy = "defaults: { user: { requests: { 1m: 10, 1h: 20 } } }"
        try await withServer(policy: policy, redis: redis, logger: log.logger, adjust: adjust) { one in
            let alike = "# the same\ndefaults:\n  user:\n    requests: { 1h: 20, 1m: 10 }\n"
            try await withServer(policy: alike, redis: redis, logger: otherLog.logger, adjust: adjust) { other in
                func differences() async -> [[String]] {
                    [await one.sidecar.report().policy.differsFrom, await other.sidecar.report().policy.differsFrom]
                }
                #expect(await one.sidecar.report().policy.digest == other.sidecar.report().policy.digest)
                other.sidecar.activePolicy.install(
                    try Policy(yaml: "defaults: { user: { requests: { 1m: 11 } } }", file: "p"))
                let name = one.sidecar.peers.name
                try await eventually { await differences() == [[name], [name]] }
                for log in [log, otherLog] {
                    try await eventually { log.text.contains("use different policies") }
                    try await eventually {
                        log.text.contains("the sidecars \(name) and \(name) share Redis and a namespace")
                    }
                }
                other.sidecar.activePolicy.install(try Policy(yaml: policy, file: "p"))
                try await eventually { await differences() == [[], []] }
                for log in [log, otherLog] {
                    #expect(log.text.components(separatedBy: "use different policies").count == 2, "\(log.text)")
                }
            }
        }
    }

    private func peer(_ digest: String, at time: Int64, id: String = "a") -> AnnouncedSidecar {
        AnnouncedSidecar(id: id, name: "host:1", digest: digest, at: time)
    }

    @Test("one announcement of another digest is no difference yet: the sidecar may be about to reload, or be gone")
    func once() {
        var differences = PolicyDifferences()
        #expect(differences.take([peer("x", at: 1)], digest: "y").new.isEmpty)
        #expect(differences.take([peer("x", at: 1)], digest: "y").new.isEmpty)
        #expect(differences.confirmed.isEmpty)
        #expect(differences.take([peer("x", at: 2)], digest: "y").new.map(\.name) == ["host:1"])
        #expect(differences.take([peer("x", at: 3)], digest: "y").new.isEmpty)
        #expect(differences.confirmed == ["host:1"])
        // Our digest has changed too, and still differs.
        var (new, ended) = differences.take([peer("x", at: 4)], digest: "z")
        #expect(new.isEmpty)
        #expect(ended == ["host:1"])
        (new, ended) = differences.take([peer("x", at: 5)], digest: "z")
        #expect(new.count == 1)
        (new, ended) = differences.take([peer("z", at: 6)], digest: "z")
        #expect(ended == ["host:1"])
        #expect(differences.confirmed.isEmpty)
    }

    @Test("the digest depends on what decides, and on nothing else")
    func digests() throws {
        func digest(_ yaml: String) throws -> String { PolicyDigest.text(of: try Policy(yaml: yaml, file: "p")) }
        let text = "defaults: { user: { requests: { 1m: 10 } }, team: { cost: { day: 5 } } }"
        let same = "# x\ncurrency: USD\ndefaults:\n  team: { cost: { day: 5.00 } }\n  user: { requests: { 1m: 10 } }\n"
        #expect(try digest(text) == digest(same))
        let others = [
            text + "\ncurrency: EUR", text + "\ntimezone: Europe/Berlin", text + "\nreset_hour: 6",
            text + "\nthresholds: [50]", text + "\nhistory: [user]", text + "\non_redis_failure: { requests: closed }",
            text + "\nscopes: { \"tool:x\": { requests: { 1m: 1 } } }", text + "\ntiers: { basic: { limits: {} } }",
            text.replacing("10", with: "11"), text.replacing("1m", with: "2m"),
            text + "\naccounts: { a: { provider: github } }", text + "\naccounts: { a: { provider: github, bind: x } }",
            text.replacing("1m: 10", with: "1m: { max: 10, mode: shadow }"),
            text.replacing("1m: 10", with: "1m: { max: 10, on_redis_failure: closed }"),
        ]
        let digests = try others.map(digest)
        #expect(Set(digests + [try digest(text)]).count == others.count + 1)
        for digest in digests { #expect(digest.utf8.count == 12) }
    }
}
