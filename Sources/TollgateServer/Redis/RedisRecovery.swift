import Foundation
import NIOCore
import TollgateCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// What a running sidecar does about the state of its Redis.
extension TollgateServer {
    /// To be called on the event loop of the first worker.
    func watchRedis(by worker: Worker) {
        let remembered = markerFile?.read()
        seenRevision.note(remembered?.revision ?? 0)
        let health = RedisHealth(
            link: worker.link, keySpace: settings.keySpace, marker: remembered?.marker ?? RunMarker(),
            seen: seenRevision,
            refusals: refusals, logger: logger)
        health.listener = RedisHealth.Listener(
            onDataLoss: { [weak self] isFirst in self?.dataWasLost(isFirst: isFirst) },
            onLook: { [markerFile, seenRevision] marker in markerFile?.note(marker, revision: seenRevision.last) },
            onOtherLayout: { [weak self] in self?.connectAnew() })
        worker.health = health
    }

    /// Redis has begun to refuse writes.
    func checkRedisSoon() {
        guard let first = workers.first else { return }
        first.eventLoop.execute { first.value.health?.checkSoon() }
    }

    /// On the new connections Redis is found to be one that cannot be used.
    private func connectAnew() {
        let reason = "the names of the keys in Redis are not those of this sidecar any more"
        for worker in workers { worker.eventLoop.execute { worker.value.link.disconnect(reason: reason) } }
        connections?.connectAnew(reason: reason)
    }

    /// Other sidecars cannot read tokens whose key Redis has lost.
    private func putBackReservationKeys() {
        for worker in workers { worker.eventLoop.execute { worker.value.ledger.keyring.read { _ in } } }
    }

    /// Nothing that was looked up before is used from now on.
    private func dataWasLost(isFirst: Bool) {
        watcher?.catchUp()
        putBackReservationKeys()
        guard isFirst, let store = stores?.policy else { return }
        let author = Author(name: "tollgate", address: peers.name)
        let namespace = settings.namespace
        Task {
            // The store has a connection of its own, which may be back later.
            for _ in 0..<40 {
                do throws(StoreError) {
                    try await store.auditLog.append(
                        "redis.data_loss", namespace, before: "null", after: "null", by: author)
                    return
                } catch {
                    guard error.changedNothingYet else { return }
                    try? await Task.sleep(for: .milliseconds(250))
                }
            }
        }
    }

    /// Why the sidecar cannot do its work as it should, in sentences; empty when it can.
    package var notReady: [String] {
        get async {
            var reasons: [String] = []
            for worker in workers {
                let (isReady, state) =
                    (try? await worker.eventLoop.submit {
                        (worker.value.ledger.isReady, worker.value.ledger.stateDescription)
                    }.get()) ?? (false, "closed")
                let reason = "no connection to Redis: \(state)"
                if !isReady, !reasons.contains(reason) { reasons.append(reason) }
            }
            if workers.isEmpty { reasons.append("not started") }
            if let refusal = refusals.state?.refusal { reasons.append("Redis refuses writes: \(refusal.sentence)") }
            if reasons.isEmpty, shared == nil { reasons.append("what administrators have set is not known yet") }
            return reasons
        }
    }

    /// Whether Redis answers and takes what is written, and what administrators have set is known.
    package var isReady: Bool {
        get async { await notReady.isEmpty }
    }
}

extension ServerSettings {
    /// Where is written down what was seen of Redis's data: beside the journal.
    var markerPath: String? {
        journalPath.map { path in
            URL(fileURLWithPath: path).deletingLastPathComponent().appending(path: "redis-marker.json").path
        }
    }
}
