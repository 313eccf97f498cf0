import Foundation
import TollgateCore

/// How long the fault tests go on, from the environment.
enum FaultSettings {
    /// Rounds a scenario: `TOLLGATE_FAULT_ROUNDS`.
    static let rounds = number("TOLLGATE_FAULT_ROUNDS") ?? 2

    /// `TOLLGATE_FAULT_SEED`: each scenario is one round with it.
    static let seed = number("TOLLGATE_FAULT_SEED").map { UInt64($0) }

    /// `TOLLGATE_FAULT_COMMIT`: the seeds are derived from it, so that a commit plays the same rounds wherever it is tested.
    /// Random seeds where it is not set.
    static let commit = ProcessInfo.processInfo.environment["TOLLGATE_FAULT_COMMIT"].flatMap { $0.isEmpty ? nil : $0 }

    /// The seeds of a scenario's rounds; another scenario has others.
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

/// One round of a scenario: what it leaves to chance.
struct Round {
    let scenario: String
    /// From 0.
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

    /// Waits for so many milliseconds.
    mutating func pause(_ range: ClosedRange<Int>) async throws {
        try await Task.sleep(for: milliseconds(range))
    }
}
