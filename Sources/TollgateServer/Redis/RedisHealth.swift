import Foundation
import Logging
import NIOCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// Looks after the Redis that holds the counters: whether it may forget them by its settings, whether it has, and whether it takes
/// what is written. Asks on every new connection and then every few seconds; never on the way of a request.
///
/// Owned by the event loop of the link that it asks through.
final class RedisHealth {
    private static let interval = TimeAmount.seconds(2)
    /// While Redis refuses writes.
    private static let shortInterval = TimeAmount.milliseconds(500)

    /// What a look at the data finds out for the others. Called on the event loop.
    struct Listener {
        /// Redis has lost its data. `isFirst`: no other sidecar has noticed that before.
        var onDataLoss: (_ isFirst: Bool) -> Void = { _ in }
        /// What is remembered of the data now.
        var onLook: (RunMarker) -> Void = { _ in }
        /// Another sidecar has begun the data anew, with other names of keys.
        var onOtherLayout: () -> Void = {}
    }

    private let link: RedisLink
    private let keySpace: KeySpace
    private let logger: Logger
    private let refusals: RedisRefusals
    private let seen: SeenRevision
    /// What this sidecar, and the one before it over the same data folder, has seen of the data.
    private var marker: RunMarker
    private var isLooking = false
    private var timer: Scheduled<Void>?

    /// What can make Redis forget; empty when nothing is known to.
    private(set) var warnings: [String] = []
    /// How often Redis was found to have lost its data, and when last.
    private(set) var dataLosses = 0
    private(set) var lastDataLoss: Date?
    var listener = Listener()

    /// - Parameter marker: What was remembered of the data before.
    init(
        link: RedisLink, keySpace: KeySpace, marker: RunMarker, seen: SeenRevision, refusals: RedisRefusals,
        logger: Logger
    ) {
        self.link = link
        self.keySpace = keySpace
        self.marker = marker
        self.seen = seen
        self.refusals = refusals
        self.logger = logger
    }

    /// Redis can be asked from now on.
    func check() {
        timer?.cancel()
        guard link.isReady else { return }
        let interval = refusals.state == nil ? Self.interval : Self.shortInterval
        timer = link.eventLoop.assumeIsolated().scheduleTask(in: interval) { self.check() }
        look()
        ask("CONFIG", "GET", "save") { saving in
            self.ask("INFO") { info in
                guard case .bulk(let text) = info else { return }
                self.judge(RedisSettings(info: String(buffer: text), saving: saving))
            }
        }
    }

    /// Redis has begun to refuse writes: the next look is to be soon, to find the end of it.
    func checkSoon() {
        timer?.cancel()
        timer = link.eventLoop.assumeIsolated().scheduleTask(in: Self.shortInterval) { self.check() }
    }

    func stop() {
        timer?.cancel()
    }

    // MARK: - Data

    /// One look at a time, so that each loss is counted once.
    private func look() {
        guard !isLooking else { return }
        isLooking = true
        let arguments = marker.arguments(keySpace: keySpace, revision: seen.last)
        link.call(RunMarker.function, arguments) { result in
            self.isLooking = false
            switch result {
            case .success(.error(let sentence)): self.refusals.met(sentence)
            case .success(let reply): self.take(reply)
            case .failure: break
            }
        }
    }

    private func take(_ reply: RedisReply) {
        let before = marker
        guard let (finding, revision, hasOurLayout) = marker.take(reply) else { return }
        guard hasOurLayout else { return listener.onOtherLayout() }
        refusals.wrote()
        if revision > 0 { seen.note(revision) }
        listener.onLook(marker)
        guard finding.isLoss else { return }
        dataLosses += 1
        lastDataLoss = .now
        logger.error(
            "Redis has lost its data: \(finding.sentence)",
            metadata: [
                "address": "\(link.address)", "generation": "\(marker.generation)", "seen": "\(before.count) looks",
            ])
        listener.onDataLoss(finding != .noticed)
    }

    // MARK: - Settings

    private func judge(_ settings: RedisSettings) {
        let found = settings.warnings
        for warning in found where !warnings.contains(warning) {
            logger.warning("\(warning)", metadata: ["address": "\(link.address)"])
        }
        warnings = found
    }

    private func ask(_ words: String..., completion: @escaping (RedisReply) -> Void) {
        var command = ByteBuffer()
        RedisCommand.encode(words, into: &command)
        link.send(command) { if case .success(let reply) = $0 { completion(reply) } }
    }
}

extension RunMarker.Finding {
    fileprivate var sentence: String {
        switch self {
        case .new, .seen: ""
        case .gone:
            "it was flushed, replaced, or restarted without a file; what was counted before is not known any more"
        case .older:
            "it has come back with data of an earlier time, as from a backup; what was counted and set since is not known any more"
        case .noticed: "another sidecar has found that what was counted before is gone, or older than it was"
        }
    }
}
