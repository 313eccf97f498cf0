/// A sequential model of one scope with a total limit of requests and one of cost. It determines the correct answers.
struct LedgerModel: Hashable, Sendable {
    /// The meter of a limit.
    enum Counter: Sendable {
        case requests
        case cost
    }

    let maxRequests: Int
    let maxCost: Int
    /// The maximum amounts that can have waited in a sidecar's journal. Decisions count them as held, so that less may
    /// remain than in the model, and requests that it would allow may be denied.
    let maxWaiting: Waiting
    private var requests = 0
    private var cost = 0
    private var holds: [String: Int] = [:]

    init(maxRequests: Int, maxCost: Int, maxWaiting: Waiting = Waiting()) {
        self.maxWaiting = maxWaiting
        self.maxRequests = maxRequests
        self.maxCost = maxCost
    }

    private var held: Int { holds.values.reduce(0, +) }

    /// Returns the state after a request; nil if its answer is not possible in this state.
    func after(_ event: HistoryEvent) -> LedgerModel? {
        switch event.operation {
        case .check(let hits, let cost): decided(event, hits: hits, cost: cost, consumes: true)
        case .peek(let hits, let cost): decided(event, hits: hits, cost: cost, consumes: false)
        case .reserve(let cost): decided(event, hits: 1, cost: cost, consumes: true)
        case .record(let hits, let cost): adding(hits, cost)
        case .refund(let hits, let cost): adding(-hits, -cost)
        case .commit(let reservation, let cost): releasing(reservation).adding(0, cost)
        case .cancel(let reservation): releasing(reservation).adding(-1, 0)
        case .usage:
            event.outcome == .unknown || event.outcome == .used(requests: requests, cost: cost, held: held)
                ? self : nil
        }
    }

    /// Subtracts an amount; no counter falls below zero.
    private func adding(_ hits: Int, _ cost: Int) -> LedgerModel {
        var next = self
        next.requests = max(requests + hits, 0)
        next.cost = max(self.cost + cost, 0)
        return next
    }

    private func releasing(_ reservation: String) -> LedgerModel {
        var next = self
        next.holds[reservation] = nil
        return next
    }

    private func decided(_ event: HistoryEvent, hits: Int, cost: Int, consumes: Bool) -> LedgerModel? {
        let passes = !refuses(.requests, hits) && !refuses(.cost, cost)
        switch event.outcome {
        case .allowed(let counter, let used, let remaining, let reservation):
            guard passes else { return nil }
            var next = consumes ? adding(hits, 0) : self
            if let reservation { next.holds[reservation] = cost }
            return next.shows(counter, used, remaining) ? next : nil
        case .denied(let counter, let used, let remaining):
            let amount = counter == .requests ? hits : cost
            let isForWaiting = maxWaiting[counter] > 0 && remaining < max(amount, 1)
            guard !passes && refuses(counter, amount) || isForWaiting else { return nil }
            return shows(counter, used, remaining) ? self : nil
        case .unknown:
            // A denied request changes nothing, as if it had not been sent.
            guard passes, consumes else { return nil }
            var next = adding(hits, 0)
            if case .reserve = event.operation { next.holds["unknown \(event.invoked)"] = cost }
            return next
        case .ok, .used, .queued: return nil
        }
    }

    /// An amount that is not given is tested as the smallest one.
    private func refuses(_ counter: Counter, _ amount: Int) -> Bool {
        switch counter {
        case .requests: requests + max(amount, 1) > maxRequests
        case .cost: cost + held + max(amount, 1) > maxCost
        }
    }

    private func shows(_ counter: Counter, _ used: Int, _ remaining: Int) -> Bool {
        let (expected, left) =
            switch counter {
            case .requests: (requests, maxRequests - requests)
            case .cost: (cost, maxCost - cost - held)
            }
        return used == expected && (max(left - maxWaiting[counter], 0)...max(left, 0)).contains(remaining)
    }
}

extension LedgerModel {
    /// The amounts that wait in a journal.
    struct Waiting: Hashable {
        var requests = 0
        var cost = 0

        init() {}

        /// All amounts of a history that were queued, or may have been.
        init(_ history: [HistoryEvent]) {
            for event in history where event.outcome == .queued || event.outcome == .unknown {
                switch event.operation {
                case .record(let hits, let cost):
                    requests += hits
                    self.cost += cost
                case .commit(_, let cost): self.cost += cost
                default: break
                }
            }
        }

        subscript(counter: Counter) -> Int {
            switch counter {
            case .requests: requests
            case .cost: cost
            }
        }
    }

    /// All possible answers to requests in this state, except those with a reservation.
    var outcomes: [HistoryEvent.Outcome] {
        let counters: [(Counter, Int, Int)] = [
            (.requests, requests, maxRequests - requests), (.cost, cost, maxCost - cost - held),
        ]
        return counters.flatMap { counter, used, remaining -> [HistoryEvent.Outcome] in
            let left = max(remaining, 0)
            return [
                .allowed(counter, used: used + 1, remaining: max(remaining - 1, 0)),
                .allowed(counter, used: used, remaining: left), .denied(counter, used: used, remaining: left),
            ]
        } + [.ok, .used(requests: requests, cost: cost, held: held)]
    }
}
