import TollgateCore
import TollgateLedger
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

extension ServerHarness {
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

    /// Resets the statistics after the sidecar has announced itself to others, which reads settings too.
    func resetCalls() async throws {
        try await eventually { try cli("EXISTS", "tollgate:{policy}:sidecars") == "1" }
        try cli("CONFIG", "RESETSTAT")
    }

    /// Returns the lookups of settings since the reset of the statistics, without the two reads of each transaction
    /// that reads the settings of all sidecars.
    func lookups() throws -> Int { try calls(of: "hgetall") - 2 * calls(of: "exec") }

    /// Returns the calls of a command since the reset of the statistics.
    func calls(of command: String) throws -> Int {
        let line = try cli("INFO", "commandstats").split(whereSeparator: \.isNewline).first {
            $0.hasPrefix("cmdstat_\(command):")
        }
        return line?.split(separator: ":calls=").last.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
    }
}
