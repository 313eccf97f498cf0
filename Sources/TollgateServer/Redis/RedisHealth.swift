import Foundation
import Logging
import NIOCore
import TollgateLedger
import TollgateRedis
import TollgateStores

/// Checks the Redis that holds the counters: for settings that can cause data loss, for lost data, and for refused
/// writes. Checks on every new connection and then every few seconds. Not on the path of requests.
///
/// Owned by the event loop of its link.
final class RedisHealth {
    private static let interval = TimeAmount.seconds(2)
    /// The interval while Redis refuses writes.
    private static let shortInterval = TimeAmount.milliseconds(500)

    /// Receives the results of checks, on the event loop.
    struct Listener {
        /// Redis has lost its data. `isFirst` tells whether no other sidecar has noticed that before.
        var onDataLoss: (_ isFirst: Bool) -> Void = { _ in }
        /// The marker after a check.
        var onMarker: (RunMarker) -> Void = { _ in }
        /// Another sidecar has begun new data, with other names of keys.
        var onOtherLayout: () -> Void = {}
    }

    private let link: RedisLink
    private let keySpace: KeySpace
    private let logger: Logger
    private let writeRefusals: RedisRefusals
    private let seen: SeenRevision
    /// The last marker that this sidecar, or its predecessor on the same data folder, has seen.
    private var marker: RunMarker
    private var isCheckingData = false
    private var timer: Scheduled<Void>?

    /// The settings that can cause data loss, as sentences.
    private(set) var warnings: [String] = []
    private var gate: RedisGate
    /// Whether the policy counts over days or longer.
    private let countsOverDays: () -> Bool
    /// The settings for which the sidecar is not ready, as sentences.
    var refusals: [String] { gate.reasons }
    /// The number of detected data losses, and the time of the last one.
    private(set) var dataLosses = 0
    private(set) var lastDataLoss: Date?
    private let listener: Listener

    /// - Parameters:
    ///   - marker: The last marker that was seen before.
    ///   - gate: The settings for which the sidecar is not ready.
    ///   - countsOverDays: Whether the policy counts over days or longer now.
    init(
        link: RedisLink, keySpace: KeySpace, marker: RunMarker, seen: SeenRevision, refusals: RedisRefusals,
        gate: RedisGate, countsOverDays: @escaping () -> Bool, listener: Listener, logger: Logger
    ) {
        self.link = link
        self.keySpace = keySpace
        self.marker = marker
        self.seen = seen
        writeRefusals = refusals
        self.gate = gate
        self.countsOverDays = countsOverDays
        self.listener = listener
        self.logger = logger
    }

    /// Checks now, if there is a connection, and then at intervals.
    func check() {
        timer?.cancel()
        guard link.isReady else { return }
        let interval = writeRefusals.state == nil ? Self.interval : Self.shortInterval
        timer = link.eventLoop.assumeIsolated().scheduleTask(in: interval) { self.check() }
        checkData()
        ask("CONFIG", "GET", "save") { saving in
            self.ask("INFO") { info in
                guard case .bulk(let text) = info else {
                    return self.pass([.unchecked])
                }
                let findings = RedisServerSettings(info: String(buffer: text), saving: saving).findings
                self.judge(findings.map(\.sentence))
                self.pass(findings)
            }
        }
    }

    /// Checks soon, to detect the end of a refusal that has just begun.
    func checkSoon() {
        timer?.cancel()
        timer = link.eventLoop.assumeIsolated().scheduleTask(in: Self.shortInterval) { self.check() }
    }

    func stop() {
        timer?.cancel()
    }

    // MARK: - Data

    /// Compares the data with the marker. One check at a time, so that each loss is counted once.
    private func checkData() {
        guard !isCheckingData else { return }
        isCheckingData = true
        let arguments = marker.arguments(keySpace: keySpace, revision: seen.last)
        link.call(RunMarker.function, arguments) { result in
            self.isCheckingData = false
            switch result {
            case .success(.error(let sentence)): self.writeRefusals.met(sentence)
            case .success(let reply): self.take(reply)
            case .failure: break
            }
        }
    }

    private func take(_ reply: RedisReply) {
        let before = marker
        guard let (finding, revision, hasOurLayout) = marker.take(reply) else { return }
        guard hasOurLayout else { return listener.onOtherLayout() }
        writeRefusals.wrote()
        if revision > 0 { seen.note(revision) }
        listener.onMarker(marker)
        guard finding.isLoss else { return }
        dataLosses += 1
        lastDataLoss = .now
        logger.error(
            "Redis has lost its data: \(finding.sentence)",
            metadata: [
                "address": "\(link.address)", "generation": "\(marker.generation)", "checks": "\(before.count)",
            ])
        listener.onDataLoss(finding != .noticed)
    }

    // MARK: - Settings

    private func judge(_ found: [String]) {
        for warning in found where !warnings.contains(warning) {
            logger.warning("\(warning)", metadata: ["address": "\(link.address)"])
        }
        warnings = found
    }

    /// Decides whether the sidecar can be ready with these settings, and logs a change.
    private func pass(_ findings: [RedisRisk.Finding]) {
        switch gate.take(findings, matters: countsOverDays()) {
        case .none: break
        case .refused(let sentences):
            for sentence in sentences {
                logger.error("not ready: \(sentence)", metadata: ["address": "\(link.address)"])
            }
        case .mended:
            logger.notice(
                "Redis has the settings that --profile prod requires", metadata: ["address": "\(link.address)"])
        }
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
            "it was flushed, replaced, or restarted without a file; earlier counters are gone"
        case .older:
            "it has come back with earlier data, as from a backup; later counters and settings are gone"
        case .noticed: "another sidecar has found that earlier counters are gone, or are older than before"
        }
    }
}
