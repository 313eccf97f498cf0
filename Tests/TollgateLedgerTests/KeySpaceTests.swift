import Foundation
import Testing
import TollgateCore

@testable import TollgateLedger
@testable import TollgatePolicy
@testable import TollgateStores

/// Tests of the names of keys.
@Suite struct KeySpaceTests {
    private let keySpace = KeySpace(namespace: "tollgate")

    @Test(
        "a scope's key is its text, with colons within ids doubled",
        arguments: [
            ("user:alice", "tollgate:user:alice"), ("global", "tollgate:global"),
            ("user:alice+tool:search", "tollgate:user:alice+tool:search"),
            ("model:llama3:8b", "tollgate:model:llama3::8b"), ("user:a:", "tollgate:user:a::"),
            ("user::a", "tollgate:user:::a"), ("user:a::b+tool::", "tollgate:user:a::::b+tool:::"),
            ("user:a+++tool:b:c", "tollgate:user:a+++tool:b::c"), ("user:a++:b", "tollgate:user:a++::b"),
            ("user:{x}", "tollgate:user:{x}"),
        ])
    func hash(text: String, key: String) throws {
        let scope = try Scope(parsing: text)
        #expect(scope.description == text)
        #expect(keySpace.hash(of: scope) == key)
        #expect(keySpace.holds(of: scope) == key + ":holds")
        #expect(keySpace.day("2026-11-29", of: scope) == key + ":day:2026-11-29")
        #expect(keySpace.month("2026-11", of: scope) == key + ":month:2026-11")
        #expect(
            IdempotencyKey(.record, id: "7f3a", scope: text).name == key.dropFirst("tollgate:".count) + ":record:7f3a")
    }

    @Test("the text of a scope is read from the names that begin with it")
    func scopeText() throws {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<5_000 {
            let text = try Self.scope(&random).description
            let name = KeySpace.name(ofScope: text)
            for rest in ["", ":holds", ":record:a", ":record::", ":record:+"] {
                #expect(KeySpace.scopeText(in: name + rest) == text, "\(name + rest)")
            }
        }
    }

    @Test("the checksum is that of Redis Cluster")
    func checksum() {
        #expect(CRC16.checksum(of: "123456789".utf8) == 0x31c3)
        #expect(CRC16.checksum(of: "user:alice".utf8) % 16_384 == 4_489)
        #expect(CRC16.checksum(of: "".utf8) == 0)
    }

    @Test("with partitions the keys of a scope have the number of its partition as their hash tag")
    func partitions() throws {
        let keySpace = KeySpace(namespace: "tollgate", partitions: 16)
        let scope = try Scope(parsing: "user:alice")
        let number = Int(CRC16.checksum(of: "user:alice".utf8)) % 16
        #expect(keySpace.hash(of: scope) == "tollgate:{\(number)}:user:alice")
        #expect(keySpace.day("2026-11-29", of: scope) == "tollgate:{\(number)}:user:alice:day:2026-11-29")
        #expect(keySpace.lastBatch(of: "p", in: 3) == "tollgate:{3}:last-batch:p")
        #expect(keySpace.reservationKeys == "tollgate:reservation-keys")
        let largest = KeySpace(namespace: "tollgate", partitions: KeySpace.maxPartitions)
        #expect(largest.allPartitions.count == 16_384)
        #expect(largest.partition(of: scope) == KeySpace.Partition(CRC16.checksum(of: "user:alice".utf8) % 16_384))
    }

    @Test("keys of different scopes or of different purposes are different")
    func noCollisions() throws {
        var random = SeededGenerator(seed: 20_261_129)
        var owners: [String: String] = [:]
        for _ in 0..<20_000 {
            let scope = try Self.scope(&random)
            for (key, purpose) in keys(of: scope, &random) {
                let owner = "\(scope) \(purpose)"
                #expect(owners.updateValue(owner, forKey: key) ?? owner == owner, "\(key)")
            }
        }
        #expect(owners.count > 50_000)
    }

    @Test("a plan has the text of its scope, whether it is part of the key or behind it")
    func planText() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2_000 {
            let scope = try Self.scope(&random)
            let set = LimitSet(limits: [], history: nil, rules: .utc, alerts: .init(tier: "", varying: []))
            let plan = ScopePlan(scope: scope, set: set, keySpace: keySpace, hash: 1)
            let key = keySpace.hash(of: scope)
            #expect(plan.withKey { String(decoding: $0, as: UTF8.self) } == "$\(key.utf8.count)\r\n\(key)\r\n")
            #expect(String(decoding: plan.text, as: UTF8.self) == scope.description)
            #expect(plan.scope == scope)
            #expect(ScopePlan(of: plan, set: set).scope == scope)
        }
    }

    /// A random scope of few letters, so that scopes often resemble another's keys.
    private static func scope(_ random: inout SeededGenerator) throws -> Scope {
        let kinds = ["user", "day", "holds", "record"].shuffled(using: &random).prefix(
            Int.random(in: 0...2, using: &random))
        let pieces = [":", ":", "+", "a", "holds", "day", "record", "user:a", "{", "}"]
        return try Scope(
            parts: kinds.map { kind in
                let count = Int.random(in: 1...4, using: &random)
                return .init(
                    kind: kind, id: (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined())
            })
    }

    private func keys(of scope: Scope, _ random: inout SeededGenerator) -> [(key: String, purpose: String)] {
        let ids = ["a", ":", ":a", "day:2026-11-29", "holds", "record:a", "::day:2026-11-29"]
        let id = ids.randomElement(using: &random) ?? ""
        let marks = [OperationVerb.record, .refund].map { verb in
            (
                keySpace.prefix(of: keySpace.partition(of: scope))
                    + IdempotencyKey(verb, id: id, scope: scope.description).name, "\(verb) \(id)"
            )
        }
        return marks + [
            (keySpace.hash(of: scope), "hash"), (keySpace.holds(of: scope), "holds"),
            (keySpace.day("2026-11-29", of: scope), "day"), (keySpace.month("2026-11", of: scope), "month"),
        ]
    }

    @Test("keys of no scope begin with a word that is not a kind")
    func others() throws {
        let names = [
            keySpace.topScopes(try ScopeKind(parsing: "user"), .cost, day: "2026-11-29", in: nil),
            keySpace.lastBatch(of: "a", in: nil), keySpace.reservationKeys,
        ]
        for name in names + [AlertKeys(namespace: "tollgate").all, PolicyKeys(namespace: "tollgate").tiers] {
            let word = name.dropFirst("tollgate:".count).prefix { $0 != ":" }
            #expect(!ScopeKind.isWellFormed(word.utf8), "\(name)")
        }
    }
}
