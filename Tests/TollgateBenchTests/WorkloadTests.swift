import Testing
import TollgateClient
import TollgateCore
import TollgateLedger

@testable import TollgateBench

@Suite struct WorkloadTests {
    private func calls(seed: UInt64, thread: Int = 0, count: Int = 2_000) throws -> [Workload.Call] {
        var settings = Workload.Settings()
        settings.users = 50
        settings.tools = 7
        settings.providers = 3
        settings.mix = try VerbMix(parsing: "check=1,record=1")
        settings.seed = seed
        var workload = Workload(settings, thread: thread)
        return (0..<count).map { _ in workload.next() }
    }

    @Test("a seed produces the same calls; another seed or thread produces others")
    func seeds() throws {
        #expect(try calls(seed: 1) == calls(seed: 1))
        #expect(try calls(seed: 1) != calls(seed: 2))
        #expect(try calls(seed: 1) != calls(seed: 1, thread: 1))
    }

    @Test("every user, tool and provider is drawn, and only records have amounts")
    func ranges() throws {
        let calls = try calls(seed: 3)
        #expect(Set(calls.map(\.user)) == Set(0..<50))
        #expect(Set(calls.map(\.tool)) == Set(0..<7))
        #expect(Set(calls.map(\.provider)) == Set(0..<3))
        #expect(calls.allSatisfy { ($0.verb == .record) == ($0.amounts.tokens != nil) })
        #expect(calls.allSatisfy { ($0.verb == .record) == ($0.amounts.cost != nil) })
    }

    @Test("threads share connections and counts without losing one")
    func shares() {
        var settings = BenchSettings(target: .sidecar(.local, token: nil))
        settings.connections = 10
        settings.threads = 4
        settings.extent = .count(1_003)
        settings.rate = 1_000
        let shares = LoadShare.shares(of: settings)
        #expect(shares.map(\.connections) == [3, 3, 2, 2])
        #expect(shares.compactMap(\.count).reduce(0, +) == 1_003)
        #expect(shares.map(\.interval) == Array(repeating: 4_000_000, count: 4))
    }
}
