import NIOCore
import Testing
import TollgateCore
import TollgatePolicy
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger

/// Two servers that get the same calls: one with a new library for each call, the other with a long-lived one. The latter also
/// gets calls that are refused or fail.
struct TwinServers {
    static let noon = ScriptTests.start + 12 * 3_600_000

    let fresh: LedgerHarness
    let used: LedgerHarness

    init(policy: Policy) async throws {
        fresh = try await LedgerHarness(policy: policy, redis: TestRedis(hasFunctions: true))
        used = try await LedgerHarness(policy: policy, redis: TestRedis(hasFunctions: true))
        try loadLibrary(used)
    }

    func stop() async throws {
        try await fresh.stop()
        try await used.stop()
    }

    private func loadLibrary(_ harness: LedgerHarness) throws {
        try harness.redis.cli("FUNCTION", "FLUSH")
        let reply = try harness.redis.cli("FUNCTION", "LOAD", RedisLibrary.tollgate.source)
        guard reply == RedisLibrary.tollgate.name else { throw TestFailure(reply) }
    }

    /// Makes the same call twice on both. Replies and data have to be equal, and failing calls in between must change nothing.
    ///
    /// - Parameter now: The time of the failing calls, Unix ms.
    func compare(
        _ name: String, at now: Int64 = noon, _ call: (_ harness: LedgerHarness, _ time: Int) async throws -> [String]
    ) async throws {
        for time in 1...2 {
            try loadLibrary(fresh)
            let expected = try await call(fresh, time).map(Self.masked)
            let found = try await call(used, time).map(Self.masked)
            try #require(found == expected, "\(name), \(time)")
            let contents = try contents(of: used)
            let others = try self.contents(of: fresh).map(Self.masked)
            try #require(contents.map(Self.masked) == others, "\(name), \(time)")
            for wrong in try await wrongCalls(at: now) {
                try await wrong.make(used)
                let after = try self.contents(of: used)
                try #require(after == contents, "\(name), \(time): \(wrong.name)")
            }
        }
    }

    /// Calls a function with text arguments.
    static func call(
        _ function: String, keys: [String], _ arguments: [String] = []
    ) -> (LedgerHarness, Int) async throws -> [String] {
        { harness, _ in
            let name = RedisFunction(function).name
            return [try harness.redis.cli(["FCALL", name, "\(keys.count)"] + keys + arguments)]
        }
    }

    // MARK: - Data

    /// All keys with their values and expiries, except for random names.
    private func contents(of harness: LedgerHarness) throws -> [String] {
        let script = """
            local lines = {}
            local function add(key, values) table.insert(lines, key .. ' = ' .. table.concat(values, ' | ')) end
            for _, key in ipairs(redis.call('KEYS', '*')) do
                local type = redis.call('TYPE', key).ok
                if not string.find(key, ':last%-batch:') and not string.find(key, ':reservation%-keys') then
                    if type == 'string' then
                        add(key, { redis.call('GET', key) })
                    elseif type == 'hash' then
                        local all = redis.call('HGETALL', key)
                        for i = 1, #all, 2 do add(key .. ' ' .. all[i], { all[i + 1] }) end
                    elseif type == 'zset' then
                        add(key, redis.call('ZRANGE', key, 0, -1, 'WITHSCORES'))
                    elseif type == 'stream' then
                        for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do add(key, entry[2]) end
                    else
                        add(key, { type })
                    end
                    add(key, { 'until', redis.call('PEXPIRETIME', key) })
                end
            end
            table.sort(lines)
            return lines
            """
        return try harness.redis.cli("EVAL", script, "0").split(separator: "\n").map(String.init)
    }

    /// Removes times of the real clock, and Redis's run ids.
    private static func masked(_ text: String) -> String {
        // The run first: its random digits may look like a time.
        text.replacing(#/[0-9a-f]{40}/#, with: "RUN").replacing(#/1[0-9]{12}(-[0-9]+)?/#, with: "TIME")
    }

    // MARK: - Failing calls

    private struct WrongCall {
        let name: String
        let make: (LedgerHarness) async throws -> Void
    }

    private func wrongCalls(at now: Int64) async throws -> [WrongCall] {
        // Makes the library know the sets; these scopes have no data.
        let scopes = try ["user:nobody", "tool:none"].map { try Scope(parsing: $0) }
        _ = try await used.apply(TestOperation(verb: .peek, amounts: Amounts(), scopes: scopes), at: now)
        let ids = [try await used.setID(of: "user:a"), try await used.setID(of: "tool:t")]
        let right = RawBatch(at: now, ids: ids)
        func failing(
            _ name: String, cutAfter length: Int = .max, _ change: (inout RawBatch) -> Void = { _ in }
        ) -> WrongCall {
            var batch = right
            change(&batch)
            let arguments = batch.arguments(cutAfter: length)
            return WrongCall(name: name) { harness in
                let reply = try await harness.reply(of: Ledger.batchFunction, to: arguments)
                try #require(!Self.isApplied(reply), "\(name) was applied")
            }
        }
        let record = try TestOperation.record("user:a", "tool:t", amounts: Amounts(requests: 2, tokens: 30, cost: 40))
        let peek = right.with { $0.operations = [2, 0, 2, 1, 2, 3, 1, 5, 900, 2, 1, 2, 0, 2, 1, 2, 1, 1, 1, 50, 1, 1] }
        return [
            failing("nothing", cutAfter: 0), failing("the beginning", cutAfter: 60),
            failing("a place that no scope has") { $0.operations = [0, 2, 1, 2, 3, 1, 5, 70, 2, 1, 2, 0, 2, 1, 9] },
            failing("a verb that there is not") { $0.operations = [3, 1, 1, 7, 2, 1, 2, 77, 0, 1, 1] },
            failing("an unknown set") { $0.ids[1] = Array("unknown".utf8) },
            failing("a set that is none") { ($0.ids[1], $0.sent) = (Array("none".utf8), [5, 5]) },
            failing("a time that calendars do not cover") { $0.clock = now + 400 * 86_400_000 },
            failing("a time of long ago") { $0.clock = 1_000 },
            failing("a producer's key that is a hash") {
                ($0.keys, $0.sequence) = ($0.keys + ["tollgate:user:hash"], 1)
            },
            WrongCall(name: "usage for peek") { harness in
                let reply = try await harness.reply(of: Ledger.peekFunction, to: peek.arguments())
                try #require(Self.isApplied(reply), "peek does not read")
            },
            WrongCall(name: "no memory") { harness in
                try harness.redis.cli("CONFIG", "SET", "maxmemory", "1")
                let answer = try await harness.apply(record, at: now)
                try harness.redis.cli("CONFIG", "SET", "maxmemory", "0")
                try #require(answer.hasPrefix("FAILED"))
            },
            WrongCall(name: "no right to a command") { harness in
                try harness.redis.cli("ACL", "SETUSER", "default", "-hincrby")
                let answer = try await harness.apply(record, at: now)
                try harness.redis.cli("ACL", "SETUSER", "default", "+hincrby")
                try #require(answer.hasPrefix("FAILED"))
            },
        ]
    }

    private static func isApplied(_ reply: RedisReply) -> Bool {
        guard case .bulk(let bytes) = reply else { return false }
        return BatchReply(bytes, plans: [])?.status == .applied
    }
}

extension RawBatch {
    fileprivate func with(_ change: (inout RawBatch) -> Void) -> RawBatch {
        var batch = self
        change(&batch)
        return batch
    }
}
