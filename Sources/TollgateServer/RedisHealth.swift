import Foundation
import Logging
import NIOCore
import TollgateRedis

/// Looks after the Redis that holds the counters: whether it may forget them by its settings, and whether it has. Asks on every
/// new connection and then every few seconds; never on the way of a request.
///
/// Owned by the event loop of the link that it asks through.
final class RedisHealth {
    private static let interval = TimeAmount.seconds(2)
    /// Of the witness, in seconds: far longer than a sidecar is away.
    private static let witnessKept = 35 * 86_400

    private let link: RedisLink
    private let logger: Logger
    private let witnessKey: String
    /// What the witness said when it was last seen. It is put there by whichever sidecar comes first; where it is gone, or another,
    /// so are the counters.
    private var witness: String?
    private var timer: Scheduled<Void>?

    /// What can make Redis forget; empty when nothing is known to.
    private(set) var warnings: [String] = []
    /// How often Redis was found to have lost its data, and when last.
    private(set) var dataLosses = 0
    private(set) var lastDataLoss: Date?
    /// Called when Redis was found to have lost its data.
    var onDataLoss: () -> Void = {}

    init(link: RedisLink, namespace: String, logger: Logger) {
        self.link = link
        self.logger = logger
        witnessKey = "\(namespace):witness"
    }

    /// Redis can be asked from now on.
    func check() {
        timer?.cancel()
        guard link.isReady else { return }
        timer = link.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) { self.check() }
        lookForWitness()
        ask("CONFIG", "GET", "save") { saving in
            self.ask("INFO") { info in
                guard case .bulk(let text) = info else { return }
                self.judge(RedisSettings(info: String(buffer: text), saving: saving))
            }
        }
    }

    func stop() {
        timer?.cancel()
    }

    private func lookForWitness() {
        // Always another: what one sidecar put back would hide the loss from the rest.
        let ours = String(UInt64.random(in: .min ... .max), radix: 16)
        ask("SET", witnessKey, ours, "NX", "GET", "EX", "\(Self.witnessKept)") { reply in
            switch reply {
            case .null: self.witnessSeen(ours, isNew: true)
            case .bulk(let found): self.witnessSeen(String(buffer: found), isNew: false)
            default: break
            }
        }
        ask("EXPIRE", witnessKey, "\(Self.witnessKept)") { _ in }
    }

    private func witnessSeen(_ found: String, isNew: Bool) {
        defer { witness = found }
        guard let witness, isNew || found != witness else { return }
        dataLosses += 1
        lastDataLoss = .now
        logger.error(
            """
            Redis has lost its data: it was flushed, replaced, or restarted without a file; what was counted before is not \
            known any more
            """, metadata: ["address": "\(link.address)"])
        onDataLoss()
    }

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
