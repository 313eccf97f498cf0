import TollgateCore
import TollgateLedger
import TollgateStores
import TollgateTestSupport

@testable import TollgateServer

extension ServerHarness {
    /// As the admin API of this sidecar makes a change.
    func edit(_ edit: PolicyEdit, of scope: Scope?) async throws {
        guard let store = server.stores?.policy else { throw TestFailure("not started") }
        do {
            _ = try await store.apply(edit, if: .absent, by: SharedPolicyTests.author)
        } catch StoreError.exists {
            _ = try await store.apply(edit, if: .any, by: SharedPolicyTests.author)
        }
        await server.settingsChanged(of: scope)
    }
}

extension TestRedis {
    /// Of the server's clock, Unix ms.
    var now: Int64 {
        get throws {
            let words = try cli("TIME").split(separator: "\n").compactMap { Int64($0) }
            return words[0] * 1_000 + words[1] / 1_000
        }
    }

    /// Sets the statistics back, once the sidecar has announced itself to others, which reads settings too.
    func resetCalls() async throws {
        try await eventually { try cli("EXISTS", "tollgate:{policy}:sidecars") == "1" }
        try cli("CONFIG", "RESETSTAT")
    }

    /// How often settings were read since the statistics were reset, but for the two reads of each transaction that reads what
    /// all sidecars keep.
    func lookups() throws -> Int { try calls(of: "hgetall") - 2 * calls(of: "exec") }

    /// How often a command was called since the statistics were reset.
    func calls(of command: String) throws -> Int {
        let line = try cli("INFO", "commandstats").split(whereSeparator: \.isNewline).first {
            $0.hasPrefix("cmdstat_\(command):")
        }
        return line?.split(separator: ":calls=").last.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
    }
}
