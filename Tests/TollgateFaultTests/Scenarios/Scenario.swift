import Foundation
import Testing
import TollgateTestSupport

/// A fault, played in many rounds on one ``Stand`` under load, with checks that:
///
/// - each counter has writes answered OK exactly once, and unanswered ones at most once;
/// - no request with room is denied, and Redis's decisions exceed no limit;
/// - within two seconds of the fault's end all sidecars decide with Redis again;
/// - a sidecar answers every request, whatever Redis does.
struct Scenario {
    let name: String
    var setup = Stand.Setup()
    /// Whether connections of clients may break, for example because a sidecar is killed.
    var sidecarsMayDie = false
    /// Whether Redis may lose counters.
    var losesData = false
    /// Whether reservations may expire early.
    var losesHolds = false

    /// The maximum time until the sidecars use Redis again.
    static let patience = Duration.seconds(2)

    /// Plays the rounds. `fault` starts and ends in a healthy state.
    func play(fault: (inout Round, Stand) async throws -> Void) async throws {
        let stand = try await Stand(setup)
        var books: [(round: Round, book: Bookkeeper)] = []
        for (number, seed) in FaultSettings.seeds(of: name).enumerated() {
            var round = Round(scenario: name, number: number, seed: seed)
            do {
                books.append((round, try await play(&round, on: stand, fault: fault)))
            } catch {
                Issue.record("\(round): \(error)\n\(stand.logs)")
                throw error
            }
        }
        // Checked again at the end: late calls have arrived by now, and must not have counted again.
        for (round, book) in books { try await check(book, of: round, on: stand, when: "at the end") }
        if !losesData {
            #expect(try await stand.info.allSatisfy { $0.redis.health.dataLosses == 0 }, "\(name): no data was lost")
        }
        try await stand.stop()
    }

    private func play(
        _ round: inout Round, on stand: Stand, fault: (inout Round, Stand) async throws -> Void
    ) async throws -> Bookkeeper {
        let started = ContinuousClock.now
        let load = try await Load(
            on: stand.socketPaths, scopes: LoadScopes(tag: "r\(round.number)"), seed: round.generator.next())
        try await round.pause(50...250)
        let recovery: Duration
        do {
            try await fault(&round, stand)
            recovery = try await stand.recover()
            try await round.pause(50...100)
        } catch {
            await load.stop()
            throw error
        }
        await load.stop()
        try await stand.waitUntilDrained()
        report(round, load.book, recovery: recovery, took: ContinuousClock.now - started)
        #expect(recovery <= Self.patience, "\(round): the sidecars used Redis again after \(recovery)")
        #expect(load.book.slowest < .seconds(3), "\(round)")
        #expect(load.book.complaints == [], "\(round)")
        if !losesData, !losesHolds { #expect(load.book.maxOpenReservations <= LoadScopes.crowdedMax, "\(round)") }
        if !sidecarsMayDie { #expect(load.book.tally["lost"] == nil, "\(round): clients lost their connections") }
        try await check(load.book, of: round, on: stand, when: "after the round")
        return load.book
    }

    private func check(_ book: Bookkeeper, of round: Round, on stand: Stand, when: String) async throws {
        let counters = try await stand.counters(of: LoadScopes(tag: "r\(round.number)").all)
        let problems = book.problems(lost: losesData) { counters[$0] ?? CounterSums() }
        guard !problems.isEmpty else { return }
        Issue.record("\(round), \(when):\n\(problems.joined(separator: "\n"))")
    }

    private func report(_ round: Round, _ book: Bookkeeper, recovery: Duration, took: Duration) {
        let tally = book.tally.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        note("\(round): \(took.short), recovered in \(recovery.short), slowest \(book.slowest.short); \(tally)")
    }
}

/// Prints a line immediately, beside the test runner's output.
func note(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}

extension Round: CustomStringConvertible {
    var description: String { "\(scenario), round \(number), TOLLGATE_FAULT_SEED=\(seed)" }
}

extension Duration {
    /// The duration in whole milliseconds.
    var short: String { "\(Int(self / .milliseconds(1))) ms" }
}

extension Stand {
    /// The ends of the sidecars' logs.
    var logs: String { sidecars.map { String($0.log.suffix(2_000)) }.joined(separator: "\n---\n") }
}
