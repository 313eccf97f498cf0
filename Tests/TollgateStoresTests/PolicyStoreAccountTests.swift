import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateLedger
@testable import TollgateStores

/// Accounts at providers that administrators have set.
@Suite struct PolicyStoreAccountTests {
    private static var account: Account {
        var account = Account(provider: .anthropic)
        account.credential = .file("/etc/tollgate/a key")
        account.filters = ["workspace_ids": ["w1", "w2"]]
        account.billingDay = 31
        account.interval = 86_400
        account.limits = [Limit(.tokens, .month, max: 5), Limit(.cost, .month, max: 1_500_000_000, thresholds: [50])]
        return account
    }

    @Test("accounts with unusual ids are read back as they were set, and deleted")
    func life() async throws {
        try await PolicyStoreHarness.with { harness in
            for (index, id) in PolicyStoreHarness.oddIDs.enumerated() {
                var account = Self.account
                account.billingDay = index + 1
                #expect(try await harness.apply(.setAccount(id, account, ofFile: 0)) == Int64(index + 1))
                let stored = try #require(try await harness.store.account(id))
                #expect(stored.item == account && stored.version == Int64(index + 1))
            }
            let shared = try await harness.store.shared()
            // The last two ids are equal as Strings.
            #expect(shared.accounts.count == PolicyStoreHarness.oddIDs.count - 1)
            try await harness.expectRefusal(.exists(1), of: .setAccount("a}b", Self.account, ofFile: 0), if: .absent)
            try await harness.apply(.deleteAccount("a}b"), if: .version(1))
            try await harness.expectRefusal(.missing, of: .deleteAccount("a}b"), if: .absent)
            #expect(try await harness.store.account("a}b") == nil)
        }
    }

    @Test("there are at most 100, with those of the policy file")
    func bound() async throws {
        try await PolicyStoreHarness.with { harness in
            func set(_ id: String, ofFile: Int) -> PolicyEdit { .setAccount(id, Self.account, ofFile: ofFile) }
            let refusal = StoreError.tooMany("there can be at most 100 accounts, with those of the policy file")
            for ofFile in [100, 200] {
                try await harness.expectRefusal(refusal, of: set("a", ofFile: ofFile), if: .absent)
            }
            try await harness.apply(set("a", ofFile: 98))
            try await harness.apply(set("b", ofFile: 98))
            try await harness.expectRefusal(refusal, of: set("c", ofFile: 98), if: .absent)
            try await harness.apply(set("b", ofFile: 100), if: .any)
        }
    }

    @Test(
        "a malformed account is an error that names it, and an address cannot come from Redis",
        arguments: [
            "nonsense", #"{"item":{"provider":"azure"},"order":1,"version":1}"#,
            #"{"item":{"provider":"openai","credential_file":"/key","base_url":"https://example.com"},"order":1,"version":1}"#,
        ])
    func malformed(value: String) async throws {
        try await PolicyStoreHarness.with { harness in
            try await harness.apply(.setTier(Tier(id: "gold")))
            try await harness.apply(.setAccount("good", Self.account, ofFile: 0))
            try harness.redis.cli("HSET", harness.keys.accounts, "bad", value)
            let (_, fault) = try await harness.store.readableShared()
            #expect(fault?.description.hasPrefix("\(harness.keys.accounts), field bad: ") == true, "\(fault as Any)")
            #expect(try await harness.store.account("good")?.item == Self.account)
            await #expect(throws: StoreError.self) { try await harness.store.account("bad") }
        }
    }
}
