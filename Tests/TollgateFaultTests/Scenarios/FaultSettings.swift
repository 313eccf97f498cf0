import Foundation
import TollgateCore

/// The rounds and seeds of the fault tests, from the environment.
enum FaultSettings {
    /// The number of rounds per scenario: `TOLLGATE_FAULT_ROUNDS`.
    static let rounds = number("TOLLGATE_FAULT_ROUNDS") ?? 2

    /// The seed of a single round per scenario: `TOLLGATE_FAULT_SEED`.
    static let seed = number("TOLLGATE_FAULT_SEED").map { UInt64($0) }

    /// The commit from which seeds are derived, so that it has the same rounds everywhere: `TOLLGATE_FAULT_COMMIT`. Without it
    /// seeds are random.
    static let commit = ProcessInfo.processInfo.environment["TOLLGATE_FAULT_COMMIT"].flatMap { $0.isEmpty ? nil : $0 }

    /// Returns the seeds of a scenario's rounds, which differ between scenarios.
    static func seeds(of scenario: String) -> [UInt64] {
        seeds(of: scenario, commit: commit, rounds: rounds, fixed: seed)
    }

    static func seeds(of scenario: String, commit: String?, rounds: Int, fixed: UInt64?) -> [UInt64] {
        if let fixed { return [fixed] }
        let range: ClosedRange<UInt64> = 1...999_999_999
        guard let commit else { return (0..<rounds).map { _ in .random(in: range) } }
        var generator = SeededGenerator(seed: fnv1a("\(commit) \(scenario)"))
        return (0..<rounds).map { _ in .random(in: range, using: &generator) }
    }

    /// The 64-bit FNV-1a hash (Fowler, Noll and Vo): the same in every process, unlike `Hasher`.
    private static func fnv1a(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    private static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }
}

/// One round of a scenario, with its random choices.
struct Round {
    let scenario: String
    /// The number of the round, from 0.
    let number: Int
    let seed: UInt64
    var generator: SeededGenerator

    init(scenario: String, number: Int, seed: UInt64) {
        self.scenario = scenario
        self.number = number
        self.seed = seed
        generator = SeededGenerator(seed: seed)
    }

    mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration {
        .milliseconds(Int.random(in: range, using: &generator))
    }

    /// Waits for a random number of milliseconds in a range.
    mutating func pause(_ range: ClosedRange<Int>) async throws {
        try await Task.sleep(for: milliseconds(range))
    }
}
