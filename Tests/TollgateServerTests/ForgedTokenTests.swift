import Foundation
import Testing
import TollgateTestSupport

@testable import TollgateServer

/// Forged, altered and late tokens of reservations.
@Suite struct ForgedTokenTests {
    static let policy = "defaults: { user: { requests: { 1h: 100 }, cost: { total: 100 } } }"

    private func bytes(_ token: String) throws -> [UInt8] {
        let base64 = token.replacing("-", with: "+").replacing("_", with: "/")
        let padding = String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        return Array(try #require(Data(base64Encoded: base64 + padding)))
    }

    private func text(_ bytes: [UInt8]) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    @Test("a token with any bit flipped is refused, and nothing is charged")
    func everyBit() async throws {
        try await withServer(policy: Self.policy) { harness in
            let token = try token(try await harness.ask("RESERVE user=alice cost=1")[0])
            let bytes = try bytes(token)
            var forged: [String] = []
            for bit in 0..<bytes.count * 8 {
                var turned = bytes
                turned[bit / 8] ^= 1 << UInt8(bit % 8)
                forged.append(text(turned))
            }
            for place in 0..<token.utf8.count {
                for bit in 0..<7 {
                    var letters = Array(token.utf8)
                    letters[place] ^= 1 << UInt8(bit)
                    guard letters[place] > 0x20, letters[place] != 0x22, letters[place] < 0x7f else { continue }
                    forged.append(String(decoding: letters, as: UTF8.self))
                }
            }
            let client = try harness.client()
            for first in stride(from: 0, to: forged.count, by: 250) {
                let lines = forged[first..<min(first + 250, forged.count)].map { "COMMIT reservation=\($0) cost=1" }
                for (line, reply) in zip(lines, try await client.ask(lines)) {
                    #expect(reply.hasPrefix("ERR bad_request reservation: "), "\(line): \(reply)")
                }
            }
            #expect(try await client.ask("COMMIT reservation=\(token) cost=1") == ["OK"])
            #expect(try harness.redis.hash("tollgate:user:alice")["cost/total"] == "1000000000")
        }
    }

    @Test("the content of one token cannot be combined with another")
    func nextID() async throws {
        try await withServer(policy: Self.policy, adjust: { $0.workers = 1 }) { harness in
            let client = try harness.client()
            let mine = try bytes(token(try await client.ask("RESERVE user=mallory cost=1")[0]))
            let victims = try token(try await client.ask("RESERVE user=mallory cost=1")[0])
            // The ids count up, and the rest differs only in the time.
            let end = try #require(mine.indices.first { mine[$0...].starts(with: Array("-1".utf8)) })
            var forged = mine
            forged[end + 1] = UInt8(ascii: "2")
            #expect(try await client.ask("CANCEL reservation=\(text(forged))")[0].hasPrefix("ERR bad_request"))
            #expect(try await client.ask("COMMIT reservation=\(victims) cost=1") == ["OK"])
        }
    }

    @Test("usage counts also after a CANCEL, once, and is flagged")
    func committedAfterCancel() async throws {
        try await withServer(policy: Self.policy) { harness in
            let other = try await ServerHarness(policy: Self.policy, redis: harness.redis)
            let token = try token(try await harness.ask("RESERVE user=a cost=5")[0])
            #expect(try await harness.ask("CANCEL reservation=\(token)") == ["OK"])
            #expect(try await other.ask("COMMIT reservation=\(token) cost=4") == ["OK late=1"])
            let again = try await harness.ask("COMMIT reservation=\(token) cost=4", "CANCEL reservation=\(token)")
            #expect(again == ["OK duplicate=1", "OK duplicate=1"])
            #expect(try harness.redis.hash("tollgate:user:a")["cost/total"] == "4000000000")
            #expect(try harness.redis.hash("tollgate:user:a")["held"] == nil)
            await other.stop()
        }
    }

    @Test("a token is valid with every sidecar also after Redis has lost its data")
    func afterLoss() async throws {
        try await withServer(policy: Self.policy) { first in
            let token = try token(try await first.ask("RESERVE user=a cost=5")[0])
            try first.redis.cli("FLUSHALL")
            let second = try await ServerHarness(policy: Self.policy, redis: first.redis)
            let newer = try Self.policyToken(try await second.ask("RESERVE user=b cost=1")[0])
            // Until the first sidecar has noticed the loss, the second does not know its key.
            try await eventually {
                try await second.ask("COMMIT reservation=\(token) cost=4")[0].hasPrefix("OK")
            }
            try await eventually { try await first.ask("COMMIT reservation=\(newer) cost=1")[0].hasPrefix("OK") }
            await second.stop()
        }
    }

    private static func policyToken(_ reply: String) throws -> String { try token(reply) }

    @Test("a sidecar that starts while Redis is down knows the tokens of its previous run")
    func restarted() async throws {
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        let arguments = ["--redis", "\(redis.address)"]
        let first = try await SidecarProcess(policy: Self.policy, arguments: arguments)
        let token = try token(try await first.client().ask("RESERVE user=a cost=5")[0])
        #expect(try await first.stop() == 0)
        redis.stop()
        let server = try await ServerHarness(
            policy: Self.policy, redis: redis, waitsForRedis: false,
            adjust: {
                $0.journalPath = first.folder.path + "/tollgate-data/journal.sqlite"
                $0.deadline = .milliseconds(250)
            })
        let replies = try await server.ask("COMMIT reservation=\(token) cost=4", "COMMIT reservation=A\(token) cost=4")
        #expect(replies[0] == "OK queued=1")
        #expect(replies[1].hasPrefix("ERR bad_request"))
        try redis.start()
        try await eventually { try redis.hash("tollgate:user:a")["cost/total"] == "4000000000" }
        await server.stop()
    }

    @Test("a RESERVE that was answered before Redis was ever reached can be committed there and elsewhere")
    func neverReached() async throws {
        let policy = "on_redis_failure: { cost: open }\n" + Self.policy
        let redis = try TestRedis()
        redis.stop()
        try await withServer(
            policy: policy, redis: redis, waitsForRedis: false, adjust: { $0.deadline = .milliseconds(250) }
        ) { harness in
            let reply = try await harness.ask("RESERVE user=a cost=5")[0]
            #expect(reply.hasPrefix("ALLOW degraded=1 reservation="))
            try redis.start()
            let other = try await ServerHarness(policy: policy, redis: redis)
            #expect(try await other.ask("COMMIT reservation=\(try token(reply)) cost=4") == ["OK"])
            #expect(try await other.ask("COMMIT reservation=\(try token(reply)) cost=4") == ["OK duplicate=1"])
            #expect(try redis.hash("tollgate:user:a")["cost/total"] == "4000000000")
            await other.stop()
        }
    }
}
