import Foundation
import Testing
import TollgateCore
import TollgateRedis
import TollgateTestSupport

@testable import TollgateLedger

/// Tests of the functions against the reference model, whatever the library in Redis has seen, cached and dropped.
@Suite struct OracleLibraryTests {
    @Test("the library is also used by other policies and namespaces", arguments: 101...106)
    func usedLibrary(seed: Int) async throws {
        let redis = try TestRedis(hasFunctions: true)
        // The second one has the same limit sets at other times.
        var runs = [OracleRun(seed: seed), OracleRun(seed: seed), OracleRun(seed: seed + 1_000)]
        var harnesses: [LedgerHarness] = []
        for (run, namespace) in zip(runs, ["tollgate", "other", "third"]) {
            harnesses.append(
                try await LedgerHarness(policy: run.policy, redis: redis, keySpace: KeySpace(namespace: namespace)))
        }
        while runs[1].applied < 300 || runs[2].applied < 300 {
            for index in 1...2 { try await runs[index].applyBatch(of: harnesses[index]) }
        }
        var random = SeededGenerator(seed: UInt64(seed))
        while runs[0].applied < 1_000 {
            let index = [0, 0, 1, 2].randomElement(using: &random) ?? 0
            try await runs[index].applyBatch(of: harnesses[index])
        }
        for index in 0...2 {
            try await runs[index].compareAll(harnesses[index], in: index == 0 ? redis : nil)
            try await harnesses[index].stop()
        }
        #expect(try commandCounts(redis)["function|load"] == 1)
    }

    @Test("the library drops limit sets and labels, as it has seen too many", arguments: 201...202)
    func forgottenSets(seed: Int) async throws {
        let redis = try TestRedis(hasFunctions: true)
        var run = OracleRun(seed: seed)
        let harness = try await LedgerHarness(policy: run.policy, redis: redis)
        let crowd = try await Crowd(redis)
        for time in 1...2 {
            while run.applied < time * 400 { try await run.applyBatch(of: harness) }
            try await crowd.use(sets: Crowd.tooManySets, labels: Crowd.keptLabels + 100)
        }
        while run.applied < 1_200 { try await run.applyBatch(of: harness) }
        try await run.compareAll(harness, in: redis)
        #expect(try await harness.knownSets > 1, "no set was forgotten")
        try await harness.stop()
        try await crowd.stop()
        #expect(try commandCounts(redis)["function|load"] == 1)
    }

    @Test(
        "Redis forgets the library", arguments: [["FLUSH"], ["DELETE", RedisLibrary.tollgate.name]], [301, 302])
    func forgottenLibrary(words: [String], seed: Int) async throws {
        let redis = try TestRedis(hasFunctions: true)
        var run = OracleRun(seed: seed)
        let harness = try await LedgerHarness(policy: run.policy, redis: redis)
        var random = SeededGenerator(seed: UInt64(seed))
        var times = 0
        while run.applied < 1_000 {
            if Int.random(in: 0..<3, using: &random) == 0 {
                try redis.cli(["FUNCTION"] + words)
                times += 1
            }
            // Also while a batch is in flight.
            let isForgottenAgain = Int.random(in: 0..<6, using: &random) == 0
            async let reply = isForgottenAgain ? redis.cli(["FUNCTION"] + words) : ""
            try await run.applyBatch(of: harness)
            _ = try await reply
        }
        try await run.compareAll(harness, in: redis)
        try await harness.stop()
        #expect(times > 5)
        #expect(try commandCounts(redis)["function|load", default: 0] > times)
    }

    @Test(
        "replicas with the library, but without its caches, replace their master",
        arguments: 401...403)
    func failover(seed: Int) async throws {
        let folder = try TemporaryFolder()
        let address = RedisAddress(endpoint: .unix(path: folder.path + "/redis.sock"), credentials: nil)
        var master = try TestRedis(tcp: true, hasFunctions: true)
        try master.serve(at: address, in: folder)
        var run = OracleRun(seed: seed)
        let harness = try await LedgerHarness(policy: run.policy, redis: master, address: address)
        for failover in 1...2 {
            while run.applied < failover * 300 { try await run.applyBatch(of: harness) }
            let replica = try await master.replica()
            // Writes behind the first copy of the data are streamed.
            while run.applied < failover * 300 + 100 { try await run.applyBatch(of: harness) }
            try await replica.waitForAll(of: master)
            master.stop()
            try await eventually { try await !harness.isReady }
            try replica.cli("REPLICAOF", "NO", "ONE")
            try replica.serve(at: address, in: folder)
            try await eventually { try await harness.isReady }
            master = replica
        }
        while run.applied < 1_000 { try await run.applyBatch(of: harness) }
        try await run.compareAll(harness, in: master)
        #expect(try await harness.knownSets > 1, "a replica knows no sets")
        #expect(try commandCounts(master)["function|load"] == nil, "a replica has the library")
        try await harness.stop()
    }

    @Test("two versions of the library alternate", arguments: 501...506)
    func twoVersions(seed: Int) async throws {
        let redis = try TestRedis(hasFunctions: true)
        let other = RedisLibrary(prefix: "tollgate") { name in
            RedisLibrary.tollgate.source.replacingOccurrences(of: RedisLibrary.tollgate.name, with: name)
                + "-- another version\n"
        }
        var run = OracleRun(seed: seed)
        let first = try await LedgerHarness(policy: run.policy, redis: redis)
        let second = try await LedgerHarness(policy: run.policy, redis: redis)
        try await second.call(RedisFunction("batch", of: other, script: Ledger.batchFunction.script))
        var random = SeededGenerator(seed: UInt64(seed))
        while run.applied < 1_000 {
            try await run.applyBatch(by: Int.random(in: 0...1, using: &random), of: first, second)
        }
        try await run.compareAll(first, in: redis)
        try await first.stop()
        try await second.stop()
        let libraries = try redis.cli("FUNCTION", "LIST")
        #expect(libraries.contains(other.name) && libraries.contains(RedisLibrary.tollgate.name))
    }
}

extension TestRedis {
    /// Links an address in the folder to this server.
    fileprivate func serve(at address: RedisAddress, in folder: TemporaryFolder) throws {
        guard case .unix(let path) = address.endpoint else { throw TestFailure("no Unix socket") }
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: socketPath)
    }

    /// Starts a replica, and waits until it follows this server.
    fileprivate func replica() async throws -> TestRedis {
        try cli("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        let replica = try TestRedis(tcp: true, hasFunctions: true)
        try replica.cli("REPLICAOF", "127.0.0.1", "\(port ?? 0)")
        try await eventually { try replica.cli("INFO", "replication").contains("master_link_status:up") }
        return replica
    }

    /// Waits until this replica has all writes of its master.
    fileprivate func waitForAll(of master: TestRedis) async throws {
        let written = try master.replicationOffset
        try await eventually { try self.replicationOffset >= written }
    }

    private var replicationOffset: Int64 {
        get throws {
            let name = "master_repl_offset:"
            let lines = try cli("INFO", "replication").split(whereSeparator: \.isNewline)
            return lines.first { $0.hasPrefix(name) }.flatMap { Int64($0.dropFirst(name.count)) } ?? 0
        }
    }
}
