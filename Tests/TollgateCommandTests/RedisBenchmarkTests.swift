import Testing
import TollgateTestSupport

/// The unmodified redis-benchmark.
@Suite struct RedisBenchmarkTests {
    static let policy = """
        defaults:
          user: { requests: { 31d: 1000000 } }
          tool: { requests: { 31d: 1000000 } }
        """

    /// Sums the counters of all users that redis-benchmark can generate.
    static let sumOfUsers = """
        local sum = 0
        for number = 0, 999 do
            local key = 'tollgate:user:' .. string.format('%012d', number)
            sum = sum + (redis.call('HGET', key, 'requests/31d.n') or 0)
        end
        return sum
        """

    @Test("redis-benchmark runs without an error, and every request is counted", arguments: [(1, 3_000), (16, 16_000)])
    func everyRequestCounts(pipeline: Int, requests: Int) async throws {
        let sidecar = try await Sidecar(policy: Self.policy)
        let command = try await Command.run(
            "redis-benchmark",
            [
                "-p", "\(sidecar.port)", "-n", "\(requests)", "-c", "16", "-P", "\(pipeline)", "-r", "1000",
                "CHECK", "user=__rand_int__", "tool=search",
            ])
        #expect(command.status == 0)
        #expect(command.output.contains("throughput summary: "), "\(command.output)")
        // It reads the server's `save` and `appendonly`, which Tollgate does not have, and prints a warning.
        #expect(command.errors == "WARNING: Could not fetch server CONFIG\n")
        #expect(!command.output.lowercased().contains("error"))
        #expect(try sidecar.redis.hash("tollgate:tool:search")["requests/31d.n"] == "\(requests)")
        #expect(try sidecar.redis.cli("EVAL", Self.sumOfUsers, "0") == "\(requests)")
        #expect(try await sidecar.count("allowed") == requests)
    }
}
