import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgatePolicy
@testable import TollgateServer

/// The settings of Redis for which a sidecar is not ready.
@Suite struct RedisGateTests {
    private let eviction = RedisRisk.Finding(risk: .eviction, sentence: "Redis evicts")
    private let replica = RedisRisk.Finding(risk: .replica, sentence: "Redis is a replica")

    /// A gate as an object, because `#expect` cannot call mutating functions.
    private final class Gate {
        var gate: RedisGate

        init(_ risks: Set<RedisRisk>) { gate = RedisGate(refusing: risks) }

        func take(_ findings: [RedisRisk.Finding], matters: Bool = true) -> RedisGate.Change {
            gate.take(findings, matters: matters)
        }
    }

    @Test("without refused risks the sidecar can always be ready")
    func none() {
        let gate = Gate([])
        #expect(gate.gate.reasons == [])
        #expect(gate.take([eviction, .unchecked]) == .none)
        #expect(gate.gate.reasons == [])
    }

    @Test("a refused risk is a reason from the first check on, is reported once, and is gone when it is mended")
    func refused() {
        let gate = Gate([.eviction, .unchecked])
        #expect(gate.gate.reasons == ["the settings of Redis have not been checked yet"])
        let sentence = "Redis evicts, or allow it with --allow redis-eviction"
        #expect(gate.take([eviction, replica]) == .refused([sentence]))
        #expect(gate.take([eviction]) == .none)
        #expect(gate.gate.reasons == [sentence])
        guard case .refused(let new) = gate.take([eviction, .unchecked]) else { return #expect(Bool(false)) }
        #expect(new.count == 1 && new[0].hasSuffix("--allow redis-unchecked"))
        #expect(gate.gate.reasons.count == 2)
        #expect(gate.take([replica]) == .mended)
        #expect(gate.gate.reasons == [])
        #expect(gate.take([eviction], matters: false) == .none)
        #expect(gate.gate.reasons == [])
    }

    @Test(
        "what counts over days matters",
        arguments: [
            ("history: []\nno_limits: true", false),
            ("history: []\ndefaults: { user: { requests: { 1m: 5, 23h: 9, request: 2 }, concurrent: 3 } }", false),
            ("no_limits: true", true), ("history: []\ndefaults: { user: { requests: { 24h: 5 } } }", true),
            ("history: []\nscopes: { user:a: { cost: { month: 5 } } }", true),
            ("history: []\nscopes: { user:a: { cost: { total: 5 } } }", true),
            ("history: []\ntiers: { t: { limits: { tokens: { day: 5 } } } }", true),
        ])
    func matters(yaml: String, isTrue: Bool) throws {
        var policy = try Policy(yaml: yaml, file: "t.yaml")
        #expect(policy.countsOverDays == isTrue)
        policy.kindsWithSettings = [.global]
        #expect(policy.countsOverDays)
    }

    @Test("a sidecar is not ready with a Redis that it refuses, says why, and is ready once that is mended")
    func sidecar() async throws {
        let redis = try TestRedis(arguments: ["--maxmemory-policy", "allkeys-lru", "--appendonly", "yes"])
        let log = CapturedLog()
        try await withServer(
            redis: redis, logger: log.logger, adjust: { $0.refusedRedisRisks = [.eviction, .replica] }
        ) {
            harness in
            try await eventually { await harness.sidecar.notReady.first?.contains("maxmemory-policy") == true }
            #expect(await harness.sidecar.report().notReady.count == 1)
            #expect(try await harness.ask("CHECK user=a") == ["ALLOW"], "it answers nevertheless")
            try redis.cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
            try await eventually { await harness.sidecar.isReady }
            try redis.cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
            try await eventually { await !harness.sidecar.isReady }
            let line = "error not ready: Redis's maxmemory-policy is allkeys-lru"
            #expect(log.text.components(separatedBy: line).count == 3)
            #expect(log.text.contains("notice Redis has the settings that --profile prod requires"))
        }
    }
}
