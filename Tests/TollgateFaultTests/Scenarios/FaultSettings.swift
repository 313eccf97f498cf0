import Foundation
import TollgateCore

/// How long the fault tests go on, from the environment.
enum FaultSettings {
    /// Rounds a scenario: `TOLLGATE_FAULT_ROUNDS`.
    static let rounds = number("TOLLGATE_FAULT_ROUNDS") ?? 2

    /// `TOLLGATE_FAULT_SEED`: each scenario is one round with it.
    static let seed = number("TOLLGATE_FAULT_SEED").map { UInt64($0) }

    /// The seeds of a scenario's rounds.
    static var seeds: [UInt64] {
        if let seed { return [seed] }
        return (0..<rounds).map { _ in UInt64.random(in: 1...999_999_999) }
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
