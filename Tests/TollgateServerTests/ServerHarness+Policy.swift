import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

extension ServerHarness {
    /// Replaces the policy, and waits until every worker uses it.
    func install(_ yaml: String) async throws {
        sidecar.activePolicy.install(try Policy(yaml: yaml, file: "test.yaml"))
        for worker in sidecar.workers { try await worker.eventLoop.submit {}.get() }
    }

    /// Makes a change as the admin API of this sidecar does.
    func edit(_ edit: PolicyEdit, of scope: Scope?) async throws {
        let store = sidecar.stores.policy
        do {
            _ = try await store.apply(edit, if: .absent, by: SharedPolicyTests.author)
        } catch StoreError.exists {
            _ = try await store.apply(edit, if: .any, by: SharedPolicyTests.author)
        }
        await sidecar.settingsChanged(of: scope)
    }
}

extension TestRedis {
    /// The time of the server's clock, Unix ms.
    var now: Int64 {
        get throws {
            let words = try cli("TIME").split(separator: "\n").compactMap { Int64($0) }
            return words[0] * 1_000 + words[1] / 1_000
        }
    }

}

extension RedisMonitor {
    /// Returns the number of reads of scopes' settings so far.
    ///
    /// Statistics of commands would also count what a sidecar reads from time to time, such as the other sidecars.
    func lookups() async throws -> Int {
        try await allCommands().count { command in
            command.words.first == "HGETALL" && command.words[1].hasPrefix("tollgate:{policy}:scope:")
        }
    }
}
