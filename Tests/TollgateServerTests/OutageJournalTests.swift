import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// Writes that cannot reach Redis are journaled, and counted once afterwards.
@Suite struct OutageJournalTests {
    static let policy = """
        thresholds: []
        defaults:
          user: { requests: { total: 100000 }, tokens: { total: 100000000 }, cost: { total: 100000 }, concurrent: 1000 }
        on_redis_failure: { cost: open }
        """

    private func drained(_ harness: ServerHarness) async throws {
        try await eventually { await harness.sidecar.report().journal?.operations == 0 }
    }

    @Test("every kind of write is journaled while Redis is down, and replayed once in order")
    func replay() async throws {
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        try await withServer(policy: Self.policy, redis: redis) { harness in
            let client = try harness.client()
            let reserved = try await client.ask(
                "RESERVE user=a cost=5", "RESERVE user=a cost=6", "RECORD user=a cost=1 id=x")
            redis.stop()
            try await eventually { await harness.sidecar.report().redis.links.allSatisfy { $0 != "ready" } }
            let lines = [
                "RECORD user=a tokens=7 cost=2", "REFUND user=a tokens=3", "RECORD user=a cost=1 id=x",
                "RECORD user=a cost=1 id=y", "RECORD user=a cost=1 id=y",
                "COMMIT reservation=\(try token(reserved[0])) cost=4",
                "COMMIT reservation=\(try token(reserved[0])) cost=4",
                "CANCEL reservation=\(try token(reserved[1]))",
            ]
            #expect(try await client.ask(lines) == Array(repeating: "OK queued=1", count: lines.count))
            let info = try await client.ask("STATUS")[0]
            #expect(info.contains(#""operations":8,"rejected":0"#), "\(info)")
            #expect(info.contains(#""queued":8"#))
            try redis.start()
            try await drained(harness)
            let counters = try redis.hash("tollgate:user:a")
            #expect(counters["cost/total"] == "8000000000", "1 before, 2, 1 of y, 4")
            #expect(counters["tokens/total"] == "4")
            #expect(counters["requests/total"] == "1", "the cancelled one gave its request back")
            #expect(counters["held"] == nil)
        }
    }

    @Test("a REFUND during a replay does not overtake the RECORD that it refunds")
    func refundInOrder() async throws {
        try await withServer(policy: Self.policy) { harness in
            for round in 1...20 {
                harness.redis.freeze(true)
                let client = try harness.client()
                harness.redis.stop()
                try await eventually { await harness.sidecar.report().redis.links.allSatisfy { $0 != "ready" } }
                let lines = (0..<200).map { _ in "RECORD user=r\(round) tokens=5" }
                #expect(try await client.ask(lines).allSatisfy { $0 == "OK queued=1" })
                try harness.redis.start()
                try await harness.waitForRedis()
                let refund = try await client.ask("REFUND user=r\(round) tokens=1000")[0]
                #expect(refund.hasPrefix("OK"))
                try await drained(harness)
                #expect(
                    try harness.redis.hash("tollgate:user:r\(round)")["tokens/total"] == "0",
                    "round \(round): \(refund)")
            }
        }
    }

    @Test("a REFUND does not overtake its RECORD when both come in one write")
    func pipelinedInOrder() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.workers = 1 }) { harness in
            harness.redis.stop()
            try await eventually { await harness.sidecar.report().redis.links.allSatisfy { $0 != "ready" } }
            let client = try harness.client()
            #expect(try await client.ask("RECORD user=x tokens=1") == ["OK queued=1"])
            let lines = (0..<50).flatMap {
                ["REFUND user=y tokens=1", "RECORD user=b\($0) tokens=100", "REFUND user=b\($0) tokens=100"]
            }
            #expect(try await client.ask(lines).allSatisfy { $0 == "OK queued=1" })
            try harness.redis.start()
            // During the replay.
            let more = (50..<100).flatMap { ["RECORD user=b\($0) tokens=100", "REFUND user=b\($0) tokens=100"] }
            #expect(try await client.ask(more).allSatisfy { $0.hasPrefix("OK") })
            try await drained(harness)
            for user in 0..<100 {
                #expect(try harness.redis.hash("tollgate:user:b\(user)")["tokens/total"] == "0", "b\(user)")
            }
        }
    }

    @Test("a full journal refuses writes and drops nothing")
    func full() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.journalCapacity = 50 }) { harness in
            harness.redis.stop()
            try await eventually { await harness.sidecar.report().redis.links.allSatisfy { $0 != "ready" } }
            let client = try harness.client()
            var replies: [String] = []
            for _ in 0..<80 { replies += try await client.ask("RECORD user=a tokens=1") }
            let queued = replies.count { $0 == "OK queued=1" }
            #expect(queued == 50)
            let refused = replies.filter { $0 != "OK queued=1" }
            #expect(
                refused.allSatisfy {
                    $0.hasPrefix("ERR unavailable Redis: ") && $0.hasSuffix("holds at most 50 operations")
                })
            try harness.redis.start()
            try await drained(harness)
            #expect(try harness.redis.hash("tollgate:user:a")["tokens/total"] == "50")
        }
    }

    @Test("an entry that Redis cannot apply is rejected and does not block the others")
    func rejected() async throws {
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        try redis.cli("SET", "tollgate:user:bad", "x")
        try await withServer(policy: Self.policy, redis: redis) { harness in
            redis.stop()
            try await eventually { await harness.sidecar.report().redis.links.allSatisfy { $0 != "ready" } }
            let client = try harness.client()
            for user in ["a", "bad", "b"] {
                #expect(try await client.ask("RECORD user=\(user) tokens=9") == ["OK queued=1"])
            }
            try redis.start()
            try await drained(harness)
            #expect(await harness.sidecar.report().journal?.rejected == 1)
            for user in ["a", "b"] { #expect(try redis.hash("tollgate:user:\(user)")["tokens/total"] == "9") }
        }
    }

    @Test("while Redis answers replays with errors the journal waits, and no entry is rejected")
    func failing() async throws {
        let folder = try TemporaryFolder()
        func write(_ rights: String) throws -> String {
            try folder.write("user default on nopass ~* &* \(rights)\n", to: "acl")
        }
        let redis = try TestRedis(arguments: ["--aclfile", try write("+@all")])
        try await withServer(policy: Self.policy, redis: redis) { harness in
            redis.stop()
            try await eventually { await harness.sidecar.report().redis.links.allSatisfy { $0 != "ready" } }
            let client = try harness.client()
            for _ in 0..<8 { #expect(try await client.ask("RECORD user=a tokens=1") == ["OK queued=1"]) }
            _ = try write("+@all -fcall -evalsha")
            try redis.start()
            try await Task.sleep(for: .seconds(2))
            #expect(await harness.sidecar.report().journal?.operations == 8)
            #expect(await harness.sidecar.report().journal?.rejected == 0)
            _ = try write("+@all")
            try redis.cli("ACL", "LOAD")
            try await drained(harness)
            #expect(try redis.hash("tollgate:user:a")["tokens/total"] == "8")
        }
    }

    @Test("the journal drains also under a stream of REFUND and CANCEL")
    func drainsUnderRefunds() async throws {
        try await withServer(policy: Self.policy) { harness in
            harness.redis.stop()
            try await eventually { await harness.sidecar.report().redis.links.allSatisfy { $0 != "ready" } }
            let client = try harness.client()
            for _ in 0..<20 { _ = try await client.ask(Array(repeating: "RECORD user=a tokens=10", count: 20)) }
            let load = Task {
                let client = try harness.client()
                var refunded = 0
                while !Task.isCancelled {
                    let replies = try await client.ask(Array(repeating: "REFUND user=a tokens=1", count: 10))
                    #expect(replies.allSatisfy { $0.hasPrefix("OK") })
                    refunded += 10
                }
                return refunded
            }
            try harness.redis.start()
            try await drained(harness)
            try await eventually { try await harness.ask("REFUND user=b tokens=1") == ["OK"] }
            load.cancel()
            let refunded = try await load.value
            try await drained(harness)
            #expect(try harness.redis.hash("tollgate:user:a")["tokens/total"] == "\(max(4_000 - refunded, 0))")
        }
    }

    @Test("the journal of a killed sidecar is replayed by the next one on its folder")
    func killed() async throws {
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        let arguments = ["--redis", "\(redis.address)"]
        let first = try await SidecarProcess(policy: Self.policy, arguments: arguments)
        redis.stop()
        let client = try first.client()
        try await eventually { try await client.ask("RECORD user=a tokens=1") == ["OK queued=1"] }
        let replies = try await client.ask((0..<300).map { _ in "RECORD user=b tokens=3" })
        #expect(replies.allSatisfy { $0 == "OK queued=1" })
        first.signal(SIGKILL)
        _ = try await first.end()
        try redis.start()
        let second = try await SidecarProcess(policy: Self.policy, arguments: arguments, folder: first.folder)
        let asker = try second.client()
        try await eventually { try await asker.ask("STATUS")[0].contains(#""operations":0,"rejected""#) }
        #expect(try redis.hash("tollgate:user:b")["tokens/total"] == "900")
        #expect(try await second.stop() == 0)
    }

    @Test("a journal that is unlinked during an outage loses no answered write, even if the sidecar is then killed")
    func unlinked() async throws {
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        let arguments = ["--redis", "\(redis.address)"]
        let first = try await SidecarProcess(policy: Self.policy, arguments: arguments)
        redis.stop()
        let client = try first.client()
        try await eventually { try await client.ask("RECORD user=a tokens=1") == ["OK queued=1"] }
        let journal = first.folder.path + "/tollgate-data/journal.sqlite"
        for suffix in ["", "-wal", "-shm"] { #expect(unlink(journal + suffix) == 0) }
        let replies = try await client.ask((0..<30).map { _ in "RECORD user=b tokens=3" })
        #expect(replies.allSatisfy { $0 == "OK queued=1" })
        try await eventually { first.log.contains("the journal file was removed while in use") }
        #expect(try await client.ask("STATUS")[0].contains(#""remade":1"#))
        first.signal(SIGKILL)
        _ = try await first.end()
        try redis.start()
        let second = try await SidecarProcess(policy: Self.policy, arguments: arguments, folder: first.folder)
        let asker = try second.client()
        try await eventually { try await asker.ask("STATUS")[0].contains(#""operations":0,"rejected""#) }
        #expect(try redis.hash("tollgate:user:b")["tokens/total"] == "90")
        #expect(try redis.hash("tollgate:user:a")["tokens/total"].flatMap(Int.init) ?? 0 >= 1)
        #expect(try await second.stop() == 0)
    }

    @Test("two sidecars cannot share a data folder, and the second one's error says so")
    func sharedFolder() async throws {
        let redis = try TestRedis()
        let folder = try TemporaryFolder()
        let arguments = ["--redis", "\(redis.address)", "--data", folder.path + "/data"]
        let first = try await SidecarProcess(policy: Self.policy, arguments: arguments)
        await #expect {
            _ = try await SidecarProcess(policy: Self.policy, arguments: arguments)
        } throws: { "\($0)".contains("the data folder is in use by another tollgate") }
        #expect(try await first.stop() == 0)
    }
}
