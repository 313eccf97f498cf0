import Synchronization

/// Computes from the clients' answers the counters that Redis must have in the end.
///
/// Usable from any thread.
final class Bookkeeper: Sendable {
    private struct Books {
        var bounds: [LoadScope: CounterBounds] = [:]
        var tally: [String: Int] = [:]
        var complaints: [String] = []
        var slowest = Duration.zero
        var tightAllowed = 0
        var tightDenied = 0
        var openReservations = 0
        var maxOpenReservations = 0
    }

    private let books: Mutex<Books>
    private let tight: LoadScope

    init(scopes: LoadScopes) {
        // An entry for each scope, as refused operations must not be counted either.
        books = Mutex(Books(bounds: Dictionary(uniqueKeysWithValues: scopes.all.map { ($0, CounterBounds()) })))
        tight = scopes.tight
    }

    /// Records an operation that was applied exactly once.
    func addCertain(_ sums: CounterSums, on scopes: [LoadScope]) {
        books.withLock { books in
            for scope in scopes { books.bounds[scope, default: CounterBounds()].addCertain(sums) }
        }
    }

    /// Records an operation that was applied at most once.
    func addPossible(_ sums: CounterSums, on scopes: [LoadScope]) {
        books.withLock { books in
            for scope in scopes { books.bounds[scope, default: CounterBounds()].addPossible(sums) }
        }
    }

    /// Records that a reservation of the crowded scope is about to be committed or cancelled.
    func vacate() {
        books.withLock { $0.openReservations -= 1 }
    }

    /// Records a violation, whatever the counters say.
    func complain(_ sentence: String) {
        books.withLock { books in
            if books.complaints.count < 20 { books.complaints.append(sentence) }
        }
    }

    /// Records the answer to an operation. Returns false if it has to be sent again.
    func enter(_ operation: LoadOperation, _ reply: LoadReply, line: String?, after wait: Duration) -> Bool {
        books.withLock { books in
            books.tally[reply.word, default: 0] += 1
            books.slowest = max(books.slowest, wait)
            if operation.kind == .tightCheck, reply == .deny { books.tightDenied += 1 }
            guard case .allow(degraded: false, _) = reply else { return }
            if operation.kind == .tightCheck { books.tightAllowed += 1 }
            if operation.kind == .crowdedReserve {
                books.openReservations += 1
                books.maxOpenReservations = max(books.maxOpenReservations, books.openReservations)
            }
        }
        switch outcome(of: operation, reply) {
        case .done: addCertain(operation.sums, on: operation.scopes)
        case .maybe where operation.kind.isRepeatable: return false
        case .maybe: addPossible(operation.sums, on: operation.scopes)
        case .nothing: break
        case .refused: return !operation.kind.isRepeatable
        case .wrong:
            complain("\(operation.line) was answered \(line ?? "nothing")")
            addPossible(operation.sums, on: operation.scopes)
        }
        return true
    }

    /// `nothing` was answered without being counted; `refused` too, and may be sent again.
    private enum Outcome { case done, maybe, nothing, refused, wrong }

    private func outcome(of operation: LoadOperation, _ reply: LoadReply) -> Outcome {
        switch operation.kind {
        case .check, .tightCheck, .reserve, .crowdedReserve: decision(of: operation, reply)
        case .cancelDegraded:
            // The request that it may give back is recorded as one that may have been taken.
            switch reply {
            case .ok, .error("not_found"): .nothing
            default: settlement(reply)
            }
        case .record, .recordOnce, .refund, .commit, .cancel: settlement(reply)
        }
    }

    /// All limits of a load fail open, so a missing Redis is not an error.
    private func decision(of operation: LoadOperation, _ reply: LoadReply) -> Outcome {
        switch reply {
        case .allow(degraded: false, _): .done
        case .allow(degraded: true, _), .lost: .maybe
        case .deny: [.tightCheck, .crowdedReserve].contains(operation.kind) ? .nothing : .wrong
        case .error("busy"): .refused
        case .error, .ok, .strange: .wrong
        }
    }

    /// Writes are journaled without Redis, so a missing Redis is not an error here either.
    private func settlement(_ reply: LoadReply) -> Outcome {
        switch reply {
        case .ok: .done
        case .lost: .maybe
        case .error("busy"): .refused
        case .error, .allow, .deny, .strange: .wrong
        }
    }

    // MARK: - Reading

    /// The number of times each answer was given.
    var tally: [String: Int] { books.withLock { $0.tally } }

    var complaints: [String] { books.withLock { $0.complaints } }

    /// The maximum number of open reservations of the crowded scope: allowed by Redis, and not yet committed or cancelled.
    var maxOpenReservations: Int { books.withLock { $0.maxOpenReservations } }

    /// The maximum latency of an answer.
    var slowest: Duration { books.withLock { $0.slowest } }

    /// Returns the faults of the counters.
    ///
    /// - Parameter lost: Whether Redis was emptied in between, so that counters may be lower.
    func problems(lost: Bool = false, reading counters: (LoadScope) throws -> CounterSums) rethrows -> [String] {
        let books = books.withLock { $0 }
        var problems: [String] = []
        for (scope, bounds) in books.bounds {
            problems += bounds.problems(of: try counters(scope), lost: lost).map { "\(scope.key): \($0)" }
        }
        if books.tightAllowed > LoadScopes.tightMax, !lost {
            problems.append("\(books.tightAllowed) ALLOW of a limit of \(LoadScopes.tightMax)")
        }
        let most = books.bounds[tight]?.high.requests ?? 0
        if books.tightDenied > 0, most < LoadScopes.tightMax {
            problems.append("DENY though at most \(most) of \(LoadScopes.tightMax) were used")
        }
        return problems
    }
}
