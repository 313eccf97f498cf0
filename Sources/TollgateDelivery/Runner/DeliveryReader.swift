import TollgateCore
import TollgateLedger
import TollgateStores

extension ReceiverRunner {
    /// Read at a time.
    private static let most = 100

    /// The next few, as far as there is room.
    mutating func read() async throws(StoreError) {
        let count = min(waiting.room, Self.most)
        guard count > 0 else {
            mayHaveMissed = true
            return
        }
        if let place {
            try await readLeft(after: place, atMost: count)
        } else {
            try await readFresh(atMost: count)
        }
    }

    /// What others have read and not delivered.
    private mutating func readLeft(after start: String, atMost count: Int) async throws(StoreError) {
        if start == "0" {
            let known = try await queue.failures()
            failures = known.deliveries
            outage = outage ?? known.outage
        }
        guard let items = try await queue.pending(after: start, atMost: count) else {
            return try await openAnew()
        }
        try await take(items)
        place = items.last?.id
        guard place == nil else { return }
        // Attempts of what waits no more.
        unconfirmed.formUnion(failures.keys)
        failures = [:]
    }

    private mutating func readFresh(atMost count: Int) async throws(StoreError) {
        if mayHaveMissed {
            if let missed = try await queue.deadLetterMissed(by: lease.sidecar) { reporter.missed(missed) }
            mayHaveMissed = false
        }
        guard let items = try await queue.fresh(atMost: count) else { return try await openAnew() }
        try await take(items)
    }

    /// The group is gone. Where Redis has lost its data, all that is there came since; where somebody has deleted the group alone, nobody
    /// knows how far it was: rather twice than never.
    private mutating func openAnew() async throws(StoreError) {
        try await queue.open(from: 0)
        reporter.groupGone()
    }

    private mutating func take(_ items: [DeliveryQueue.Item]) async throws(StoreError) {
        var tooOld = 0
        for item in items where try await !take(item) { tooOld += 1 }
        if tooOld > 0 { reporter.tooOld(tooOld) }
    }

    /// False where it is too old, and set aside.
    private mutating func take(_ item: DeliveryQueue.Item) async throws(StoreError) -> Bool {
        let failure = failures.removeValue(forKey: item.id)
        switch item {
        case .entry(let entry):
            guard !unconfirmed.contains(entry.id) else { return true }
            guard isForHandler(entry) else {
                unconfirmed.insert(entry.id)
                return true
            }
            guard !isTooOld(entry, failure) else {
                try await setAside(entry, failure)
                return false
            }
            waiting.append(entry, order: sink.order(of: entry), failure: failure, now: lease.now)
        case .unreadable(let id, let sentence):
            let nothing = FailedDelivery(alert: "", event: "", attempts: 0, firstAt: 0, nextAt: 0, lastError: sentence)
            try await deadLetter(failure ?? nothing, of: id, why: sentence)
        }
        return true
    }

    private func isForHandler(_ entry: AlertEntry) -> Bool {
        receiver.filter.lets(entry.alert) && sink.takes(entry.event)
    }

    /// Nobody has looked for so long that it says nothing of the present, as where a receiver was out of the file for weeks. So that
    /// nothing is told to have begun whose end is not told, it is the same for what had been tried before.
    private func isTooOld(_ entry: AlertEntry, _ failure: FailedDelivery?) -> Bool {
        guard let since = failure?.firstAt ?? entry.writtenAt else { return false }
        return since < lease.now - timing.oldest.milliseconds
    }

    private func setAside(_ entry: AlertEntry, _ failure: FailedDelivery?) async throws(StoreError) {
        let hours = timing.oldest.milliseconds / 3_600_000
        let note = FailedDelivery(
            alert: entry.alert.id, event: entry.event.rawValue, attempts: failure?.attempts ?? 0,
            firstAt: failure?.firstAt ?? 0, nextAt: 0,
            lastError: "more than \(hours) hours old when it was read")
        if try await !queue.deadLetter(note, of: entry.id, by: lease.sidecar) { lease.lose() }
    }
}

extension AlertEntry {
    /// When it was written to the stream: Unix ms, Redis's clock.
    fileprivate var writtenAt: Int64? { StreamOrder.milliseconds(id) }
}

extension DeliveryQueue.Item {
    /// Its id in the stream.
    fileprivate var id: String {
        switch self {
        case .entry(let entry): entry.id
        case .unreadable(let id, _): id
        }
    }
}
