import NIOCore
import TollgateRedis

/// The keys that sign reservation tokens, kept in a Redis hash that all sidecars of a namespace share.
///
/// The field `current` is the key that signs; the sidecar that comes first makes it. Keys that signed before Redis lost its
/// data stand under their names. Owned by the ledger's event loop.
package final class ReservationKeyring {
    private static let current = "current"
    /// The expiry of the hash in seconds: far longer than a reservation can be committed or cancelled.
    private static let expiry = 35 * 86_400
    /// The interval at which the keys are read again, so that Redis keeps them while a sidecar is connected.
    private static let readInterval = TimeAmount.hours(24)

    /// Signs and verifies tokens with the keys read so far.
    package private(set) var tokens = ReservationTokens()
    /// Why the last reading failed; nil after a successful one.
    private(set) var failure: LedgerFailure?
    /// Called after each reading.
    var onRead: () -> Void = {}
    /// Called when a reply is late, with the time at which its command was sent.
    var onLateReply: (NIODeadline) -> Void = { _ in }

    private let link: RedisLink
    private let key: String
    private let deadline: TimeAmount
    private let journal: Journal?
    /// The completions of the reading in flight; empty if there is none.
    private var readers: [(LedgerFailure?) -> Void] = []
    private var nextRead: Scheduled<Void>?

    /// Creates a keyring with the keys that the journal remembers.
    init(link: RedisLink, key: String, deadline: TimeAmount, journal: Journal?) {
        self.link = link
        self.key = key
        self.deadline = deadline
        self.journal = journal
        if let journal { tokens.learn(journal.reservationKeys, current: journal.reservationKeys.first) }
    }

    /// Reads the keys, writes those that Redis has lost, and calls back when that is done or has failed.
    package func read(completion: @escaping (LedgerFailure?) -> Void) {
        guard link.isReady else { return completion(.noConnection(link.status, link.stateDescription)) }
        readers.append(completion)
        if readers.count == 1 { sendCommands() }
    }

    private func sendCommands() {
        let sentAt = NIODeadline.now()
        let offered = tokens.keys.first ?? ReservationTokens.Key()
        // A Redis that refuses writes refuses this; then there is a key already, or none can be made.
        link.send(["HSETNX", key, Self.current, offered.text]) { _ in }
        link.send(["EXPIRE", key, "\(Self.expiry)"]) { _ in }
        var current: String?
        link.send(["HGET", key, Self.current]) {
            if case .success(.bulk(let text)) = $0 { current = String(buffer: text) }
        }
        link.send(["HVALS", key], deadline: sentAt + deadline) { result in
            guard case .failure(.timedOut) = result else { return self.finish(result, current: current) }
            self.onLateReply(sentAt)
            // The connection is kept after a first late reply, and readers go on waiting.
            self.link.isReady ? self.sendCommands() : self.finish(result, current: nil)
        }
    }

    private func finish(_ result: Result<RedisReply, RedisError>, current: String?) {
        switch result {
        case .success(.array(let values)):
            let texts = values.compactMap { value -> String? in
                if case .bulk(let text) = value { String(buffer: text) } else { nil }
            }
            learn(texts, current: current)
            failure = tokens.canSign ? nil : .unavailable("no key for reservation tokens could be written")
        case .success(.error(let sentence)): failure = LedgerFailure(redisSaid: "\(sentence) (\(key))")
        case .success: failure = .internal("\(key) in Redis is not a hash")
        case .failure(let error): failure = .unavailable(error.description)
        }
        let readers = readers
        self.readers = []
        for completion in readers { completion(failure) }
        onRead()
        scheduleNextRead()
    }

    private func learn(_ texts: [String], current: String?) {
        let before = tokens.keys
        tokens.learn(texts, current: current)
        for key in tokens.keys where !texts.contains(key.text) {
            link.send(["HSET", self.key, key.name, key.text]) { _ in }
        }
        if tokens.keys != before { journal?.store(reservationKeys: tokens.keys.map(\.text)) }
    }

    private func scheduleNextRead() {
        nextRead?.cancel()
        nextRead = link.eventLoop.assumeIsolated().scheduleTask(in: Self.readInterval) { [weak self] in
            self?.read { _ in }
        }
    }
}
