import TollgateCore

/// Generates random requests of one client of a load.
struct OperationMix: Sendable {
    let scopes: LoadScopes
    /// The prefix of the client's ids, which no other client has.
    let name: String
    var generator: SeededGenerator
    private var lastId = 0

    init(scopes: LoadScopes, name: String, seed: UInt64) {
        self.scopes = scopes
        self.name = name
        generator = SeededGenerator(seed: seed)
    }

    mutating func next() -> LoadOperation {
        let named = [scopes.users.randomElement(using: &generator)!, scopes.team]
        switch Int.random(in: 0..<100, using: &generator) {
        case ..<25: return operation(.check, "CHECK", on: named, CounterSums(requests: 1))
        case ..<32: return operation(.tightCheck, "CHECK", on: named + [scopes.tight], CounterSums(requests: 1))
        case ..<60: return operation(.record, "RECORD", on: named, amounts(requests: true))
        case ..<65: return operation(.refund, "REFUND", on: named, -CounterSums(tokens: 1, cost: price()))
        case ..<82: return recordOnce(on: named)
        case ..<92: return reserve(.reserve, on: named)
        case ..<96: return reserve(.crowdedReserve, on: named + [scopes.crowded])
        default: return operation(.record, "RECORD", on: named, amounts(requests: false))
        }
    }

    /// Commits a reservation with the amounts used, or cancels it.
    mutating func settling(_ reservation: String, of operation: LoadOperation, degraded: Bool) -> LoadOperation {
        let word = "reservation=\(reservation)"
        let vacates = operation.kind == .crowdedReserve && !degraded
        guard Bool.random(using: &generator) else {
            let kind = degraded ? LoadOperation.Kind.cancelDegraded : .cancel
            return LoadOperation(
                kind: kind, line: "CANCEL \(word)", scopes: operation.scopes, sums: -operation.sums,
                vacates: vacates)
        }
        var used = amounts(requests: false)
        if !degraded { used.holds = -1 }
        return LoadOperation(
            kind: .commit, line: "COMMIT \(word) tokens=\(used.tokens) cost=\(moneyText(nanos: used.cost))",
            scopes: operation.scopes, sums: used, vacates: vacates)
    }

    private mutating func recordOnce(on scopes: [LoadScope]) -> LoadOperation {
        lastId += 1
        return operation(.recordOnce, "RECORD id=\(name)-\(lastId)", on: scopes, amounts(requests: true))
    }

    private mutating func reserve(_ kind: LoadOperation.Kind, on scopes: [LoadScope]) -> LoadOperation {
        let held = amounts(requests: false)
        let line = "RESERVE \(words(of: scopes)) tokens=\(held.tokens) cost=\(moneyText(nanos: held.cost)) ttl=60"
        return LoadOperation(kind: kind, line: line, scopes: scopes, sums: CounterSums(requests: 1, holds: 1))
    }

    private func operation(
        _ kind: LoadOperation.Kind, _ verb: String, on scopes: [LoadScope], _ sums: CounterSums
    ) -> LoadOperation {
        var line = "\(verb) \(words(of: scopes))"
        if sums.requests != 0, verb != "CHECK" { line += " requests=\(sums.requests)" }
        if sums.tokens != 0 { line += " tokens=\(abs(sums.tokens))" }
        if sums.cost != 0 { line += " cost=\(moneyText(nanos: abs(sums.cost)))" }
        return LoadOperation(kind: kind, line: line, scopes: scopes, sums: sums)
    }

    private func words(of scopes: [LoadScope]) -> String {
        scopes.map(\.word).joined(separator: " ")
    }

    /// Prices differ, so that a sum shows which request is missing or counted twice.
    private mutating func amounts(requests: Bool) -> CounterSums {
        CounterSums(requests: requests && Bool.random(using: &generator) ? 1 : 0, tokens: 1, cost: price())
    }

    private mutating func price() -> Int {
        Int.random(in: 1...9_999, using: &generator)
    }
}
