import Foundation
import Testing
import TollgateCore
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

/// What a sidecar reports of models without a price, and of its price file.
@Suite struct UnknownModelTests {
    static let policy = "defaults: { user: { requests: { 1m: 1000 } } }\nprices: { openai: { gpt-4o: { input: 1 } } }"

    @Test("a model without a price opens one alert a day for all sidecars, and is logged once")
    func alert() async throws {
        let (redis, log) = (try await TestRedis.started(), CapturedLog())
        let quick: (inout ServerSettings) -> Void = { $0.unknownModelInterval = .milliseconds(20) }
        try await withServer(policy: Self.policy, redis: redis, logger: log.logger, adjust: quick) { first in
            try await withServer(policy: Self.policy, redis: redis, logger: log.logger, adjust: quick) { second in
                for harness in [first, second, first] {
                    _ = try await harness.ask(
                        "CHECK user=a model=nope", "RECORD user=a model=nope provider=openai tokens=5",
                        "CHECK user=a model=gpt-4o", "RECORD user=a model=gpt-4o images=1", "CHECK user=a")
                }
                let alerts = first.sidecar.stores.alerts
                try await eventually { try await alerts.active(atMost: 10).count >= 3 }
                try await Task.sleep(for: .milliseconds(200))
                let active = try await alerts.active(atMost: 10)
                #expect(
                    Set(active.map { "\($0.kind.rawValue) \($0.scope) \($0.severity.rawValue)" }) == [
                        "unknown_model model:nope warning", "unknown_model provider:openai+model:nope warning",
                        "unknown_model model:gpt-4o warning",
                    ])
                #expect(active.count == 3)
                let lines = log.text.split(separator: "\n").filter { $0.contains("no price for the model") }
                #expect(lines.count == 3, "\(lines)")
                let report = await second.sidecar.report()
                #expect(report.prices.unknownModelRequests == 3)
                #expect(report.prices.models == 1)
                // A sweep leaves the alerts to the end of the day.
                let alert = try #require(active.first)
                #expect(
                    alert.endsAt.map { $0 % 86_400_000 } == 0
                        && alert.periodID == String(UTCTime.wholeSeconds(milliseconds: alert.openedAt).prefix(10)))
            }
        }
    }

    @Test("the alert is kept by sweeps and policy changes, and resolved at the end of its day")
    func resolution() async throws {
        let quick: (inout ServerSettings) -> Void = {
            $0.unknownModelInterval = .milliseconds(20)
            $0.alertSweep = .milliseconds(20)
        }
        try await withServer(policy: Self.policy, adjust: quick) { harness in
            let store = harness.sidecar.stores.alerts
            let now = try harness.redis.now
            let yesterday = Alert(unknownModel: try Scope(parsing: "model:old"), openedAt: now - 86_400_000)
            #expect(try await store.open(yesterday))
            #expect(try await !store.open(yesterday))
            _ = try await harness.ask("CHECK user=a model=nope")
            try await eventually { try await store.alert(yesterday.id)?.state == .resolved }
            #expect(try await store.alert(yesterday.id)?.reason == .periodEnded)
            try await harness.install(Self.policy + "\nthresholds: [50]")
            try await Task.sleep(for: .milliseconds(300))
            #expect(try await store.active(atMost: 10).map(\.scope.description) == ["model:nope"])
        }
    }

    /// A policy file with another currency than the price file is not installed.
    private func refusesOtherCurrency(_ policy: ActivePolicy, in folder: TemporaryFolder) async throws {
        let path = try folder.write(Self.policy, to: "tollgate.yaml")
        let reloader = PolicyReloader(
            file: PolicyFile(path: path), policy: policy, interval: .milliseconds(20), settling: .milliseconds(50),
            reloadsOnHangUp: false, logger: .none)
        let watching = Task { await reloader.run() }
        defer { watching.cancel() }
        try folder.write("currency: EUR\n" + Self.policy, to: "tollgate.yaml")
        try await eventually {
            policy.info.error == "\(path): currency: EUR in the file, but the price file has prices in USD"
        }
        #expect(policy.policies.file.currency == "USD")
    }

    @Test("a price file is read again when it changes; a bad one is reported once and leaves the prices")
    func reload() async throws {
        let (folder, log) = (try TemporaryFolder(), CapturedLog())
        let path = try folder.write("prices: { openai: { o1: { input: 3 }, gpt-4o: { input: 9 } } }", to: "prices.yaml")
        try await withServer(policy: Self.policy) { harness in
            let policy = harness.sidecar.activePolicy
            let source = try PriceSource(path: path, for: policy.policies.file)
            policy.install(source)
            let reloader = PriceReloader(
                source: source, policy: policy, interval: .milliseconds(20), settling: .milliseconds(50),
                logger: log.logger)
            let watching = Task { await reloader.run() }
            defer { watching.cancel() }
            func ask(_ model: String) async throws -> String {
                try await harness.ask("RECORD user=a model=\(model) provider=openai input_tokens=1000")[0]
            }
            #expect(try await ask("o1") == "OK cost=0.003")
            #expect(try await ask("gpt-4o") == "OK cost=0.001", "the policy takes precedence")
            let digest = policy.digest
            try folder.write("prices: { openai: { o1: { input: 4 } } }", to: "prices.yaml")
            try await eventually { try await ask("o1") == "OK cost=0.004" }
            #expect(policy.digest != digest)
            try folder.write("prices: { openai: { o1: { input: cheap } } }", to: "prices.yaml")
            try await eventually { await harness.sidecar.report().prices.error != nil }
            try await Task.sleep(for: .milliseconds(300))
            #expect(log.text.split(separator: "\n").count { $0.contains("price reload failed") } == 1)
            #expect(try await ask("o1") == "OK cost=0.004")
            try folder.write("currency: EUR\nprices: { openai: { o1: { input: 5 } } }", to: "prices.yaml")
            try await eventually {
                await harness.sidecar.report().prices.error?.hasSuffix(
                    "prices.yaml: currency: the prices are in EUR, but the policy counts USD") == true
            }
            try folder.write("currency: USD\nprices: { openai: { o1: { input: 5 } } }", to: "prices.yaml")
            try await eventually { try await ask("o1") == "OK cost=0.005" }
            #expect(await harness.sidecar.report().prices.error == nil)
            try await refusesOtherCurrency(policy, in: folder)
        }
    }
}
