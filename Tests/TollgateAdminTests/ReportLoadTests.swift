import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Synchronization
import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

/// Reports of maximum size under decision load.
@Suite("Reports of maximum size do not delay decisions")
struct ReportLoadTests {
    /// Six meters of 200 providers, tools and models each, for every key. The first key is the scope's hash, which
    /// contains the running day.
    private static let fill = """
        redis.call('HSET', KEYS[1], 'history', ARGV[1])
        for i, key in ipairs(KEYS) do
            local prefix = i == 1 and 'history/' or ''
            for _, meter in ipairs({
                'requests', 'calls', 'denied', 'would_deny', 'tokens', 'input_tokens', 'output_tokens', 'cost',
            }) do
                redis.call('HSET', key, prefix .. meter, 600000)
                for _, dimension in ipairs({'provider', 'tool', 'model'}) do
                    local fields = {}
                    for label = 1, 200 do
                        fields[#fields + 1] = prefix .. meter .. '/' .. dimension .. '=' .. dimension .. '-' .. label
                        fields[#fields + 1] = label
                    end
                    redis.call('HSET', key, unpack(fields))
                end
            end
        end
        """

    /// Runs a sidecar with 30 full days of user:full.
    private func withFullPages(_ body: (SidecarProcess) async throws -> Void) async throws {
        let redis = try TestRedis()
        let now = Int64(Date.now.timeIntervalSince1970 * 1_000)
        let keys = (1..<30 as Range<Int64>).map { back in
            let day = CalendarRules.utc.window(.day, containing: now - back * 86_400_000).id
            return "tollgate:user:full:day:\(day)"
        }
        let (day, month) = (
            CalendarRules.utc.window(.day, containing: now), CalendarRules.utc.window(.month, containing: now)
        )
        let running = "\(day.id) \(day.endsAt) \(month.id) \(month.endsAt) 200 200 200"
        try redis.cli(["EVAL", Self.fill, "\(keys.count + 1)", "tollgate:user:full"] + keys + [running])
        let policy = "history: [user]\ndefaults: { user: { requests: { 1h: 1000000 } } }"
        let sidecar = try await SidecarProcess(
            policy: policy, arguments: ["--redis", "\(redis.address)", "--workers", "1"])
        try await body(sidecar)
        #expect(try await sidecar.stop() == 0)
    }

    private func report(_ sidecar: SidecarProcess) async throws -> (status: UInt, text: String) {
        let socket = sidecar.adminSocketPath.replacing("/", with: "%2F")
        let token = try String(contentsOfFile: sidecar.folder.path + "/tollgate-data/admin-token", encoding: .utf8)
        var request = HTTPClientRequest(url: "http+unix://\(socket)/v1/reports/daily?scope=user:full&by=tool")
        request.headers.add(name: "Authorization", value: "Bearer \(token.split(separator: "\n")[0])")
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let body = try await response.body.collect(upTo: 1 << 24)
        return (response.status.code, String(buffer: body))
    }

    /// The 99th percentile of at least a number of requests, until `isDone`.
    private func slowest(
        _ sidecar: SidecarProcess, atLeast count: Int, until isDone: () -> Bool = { true }
    ) async throws -> Duration {
        let client = try sidecar.client()
        var times: [Duration] = []
        while times.count < count || !isDone() {
            let start = ContinuousClock.now
            let reply = try await client.ask("CHECK user=quick")[0]
            times.append(.now - start)
            #expect(reply.hasPrefix("ALLOW "), "\(reply)")
        }
        return times.sorted()[times.count * 99 / 100]
    }

    /// The factor allows for debug builds on two shared cores. When reports ran on a request thread and requested all
    /// days at once, it was 70, and no report met its deadline.
    @Test("30 days by tool are reported, and p99 of CHECK stays within 20 times what it is without reports")
    func fullPages() async throws {
        try await withFullPages { sidecar in
            let quiet = try await slowest(sidecar, atLeast: 1_000)
            let done = Atomic(false)
            async let reports: [UInt] = {
                defer { done.store(true, ordering: .relaxed) }
                var statuses: [UInt] = []
                for _ in 0..<5 { statuses.append(try await report(sidecar).status) }
                return statuses
            }()
            let busy = try await slowest(sidecar, atLeast: 300) { done.load(ordering: .relaxed) }
            #expect(try await reports == Array(repeating: 200, count: 5))
            #expect(busy < max(quiet, .milliseconds(1)) * 20, "\(quiet) without reports, \(busy) beside them")
            let text = try await report(sidecar).text
            #expect(text.components(separatedBy: #""tool":"tool-200""#).count == 32, "\(text.prefix(500))")
        }
    }
}
