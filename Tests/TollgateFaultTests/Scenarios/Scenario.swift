import Foundation
import Testing
import TollgateTestSupport

/// A fault, played in many rounds on one ``Stand`` under load, and what must hold whatever happens:
///
/// - each counter holds what was answered OK exactly once, and what was not answered once or never;
/// - nothing that has room is denied, and no limit is passed by decisions that Redis made;
/// - within two seconds of the fault's end every sidecar's decisions are Redis's again;
/// - a sidecar answers every request, whatever Redis does.
struct Scenario {
    let name: String
    var setup = Stand.Setup()
    /// Whether connections of clients may break, as when a sidecar is killed.
    var sidecarsMayDie = false
    /// Whether Redis may forget what it has counted.
    var losesData = false
    /// Whether reservations may end before their time.
    var losesHolds = false

    /// The longest that the sidecars may take to use Redis again.
    static let patience = Duration.seconds(2)

    /// Plays the rounds. `fault` begins and ends with everything in order.
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
        // Once more at the end: what was late has arrived by now, and must not have been counted again.
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
        if !losesData, !losesHolds { #expect(load.book.maxPlaces <= LoadScopes.crowdedMax, "\(round)") }
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

/// Writes a line at once beside what the test runner writes.
func note(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
}

extension Round: CustomStringConvertible {
    var description: String { "\(scenario), round \(number), TOLLGATE_FAULT_SEED=\(seed)" }
}

extension Duration {
    /// In whole milliseconds.
    var short: String { "\(Int(self / .milliseconds(1))) ms" }
}

extension Stand {
    /// The ends of the sidecars' logs.
    var logs: String { sidecars.map { String($0.log.suffix(2_000)) }.joined(separator: "\n---\n") }
}
