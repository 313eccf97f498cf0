import NIOCore
import TollgateRedis

/// The keys that sign tokens of reservations, in a hash that all sidecars of the namespace share: `current` is the one to sign
/// with, made by whichever sidecar comes first; under their names stand those that signed before Redis lost its data.
extension Ledger {
    private static let current = "current"
    /// In seconds: far longer than a reservation can be settled.
    private static let keysKept = 35 * 86_400

    private var keysHash: String { keySpace.reservationKeys }

    /// Reads the keys again, and calls back when that is done or has failed. Writes those that Redis has lost.
    package func readReservationKeys(completion: @escaping (LedgerFailure?) -> Void) {
        guard link.isReady else { return completion(noConnection) }
        keyReaders.append(completion)
        guard keyReaders.count == 1 else { return }
        var late: ReplyDeadline?
        late = ReplyDeadline(self) {
            if let late { self.replyIsLate(sentAt: late.sentAt) }
        }
        let offered = tokens.keys.first ?? ReservationTokens.Key()
        // Refused by a Redis that takes no writes; then there is a key already, or none can be made.
        ask("HSETNX", keysHash, Self.current, offered.text) { _ in }
        ask("EXPIRE", keysHash, "\(Self.keysKept)") { _ in }
        var current: String?
        ask("HGET", keysHash, Self.current) {
            if case .success(.bulk(let text)) = $0 { current = String(buffer: text) }
        }
        ask("HVALS", keysHash) { result in
            late?.cancel()
            late = nil
            self.keysRead(result, current)
            self.scheduleKeyReading()
        }
    }

    /// Once a day, so that Redis keeps the keys for as long as a sidecar is connected.
    private func scheduleKeyReading() {
        nextKeyReading?.cancel()
        nextKeyReading = eventLoop.assumeIsolated().scheduleTask(in: .hours(24)) { [weak self] in
            self?.readReservationKeys { _ in }
        }
    }

    private func keysRead(_ result: Result<RedisReply, RedisError>, _ current: String?) {
        switch result {
        case .success(.array(let values)):
            let texts = values.compactMap { value -> String? in
                if case .bulk(let text) = value { String(buffer: text) } else { nil }
            }
            keysFailure = nil
            learn(texts, current)
            if tokens.keys.isEmpty { keysFailure = .unavailable("no key for tokens of reservations could be written") }
        case .success(.error(let sentence)): keysFailure = LedgerFailure(redisSaid: "\(sentence) (\(keysHash))")
        case .success: keysFailure = .internal("\(keysHash) in Redis is not a hash")
        case .failure(let error): keysFailure = .unavailable(error.description)
        }
        let readers = keyReaders
        keyReaders = []
        for reader in readers { reader(keysFailure) }
        onAnswersDelivered()
    }

    private func learn(_ texts: [String], _ current: String?) {
        let before = tokens.keys
        tokens.learn(texts, current: current)
        for key in tokens.keys where !texts.contains(key.text) { ask("HSET", keysHash, key.name, key.text) { _ in } }
        if tokens.keys != before { journal?.keep(reservationKeys: tokens.keys.map(\.text)) }
    }

    private func ask(_ words: String..., completion: @escaping (Result<RedisReply, RedisError>) -> Void) {
        var command = ByteBuffer()
        RedisCommand.encode(words, into: &command)
        link.send(command, completion: completion)
    }
}
