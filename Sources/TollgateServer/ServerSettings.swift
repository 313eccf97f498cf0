import Foundation
import TollgateCore
package import TollgateLedger
package import TollgatePolicy
package import TollgateRedis

/// The settings of a sidecar, apart from its policy.
package struct ServerSettings: Sendable {
    /// The addresses to listen on; at least one.
    package var listen: [ListenAddress] = [.tcp(host: "127.0.0.1", port: 7379)]
    /// The token that clients send in AUTH, 16 to 512 bytes; nil to accept every connection.
    package var token: String?
    /// The Redis that holds the counters.
    package var redis: RedisAddress
    /// The prefix of every key in Redis: 1 to 64 of `A-Z a-z 0-9 _ . - :`.
    package var namespace = "tollgate"
    /// The number of hash tags for Redis Cluster, 1 to 16 384: the keys of a scope have one of them, and so are in one
    /// slot. Nil for names without hash tags.
    package var partitions: Int?
    /// The settings of Redis for which the sidecar is not ready, if its policy counts over days or longer.
    package var refusedRedisRisks: Set<RedisRisk> = []
    /// The file of the journal, in an existing folder. Without a journal, writes fail while Redis cannot be reached.
    package var journalPath: String?
    /// The capacity of the journal in operations. Beyond it writes fail.
    package var journalCapacity = 1_000_000
    /// The number of event loops, each with its own connection to Redis.
    package var workers: Int
    /// The time that a request may wait for Redis.
    package var deadline: Duration = .milliseconds(250)
    /// The time without a complete request after which a connection is closed.
    package var idleTimeout = IdleTimeout.standard
    /// The time that a client may take to send the rest of a request, or to read its replies, whatever the idle timeout.
    package var stallTimeout = Duration.seconds(300)
    /// The limit of connections, 1 to 1 000 000; lower if the limit of open files requires it. More are refused with an
    /// error.
    package var maxConnections = 4_096

    /// The time within which a client must send the token, if there is one.
    package var authenticationTimeout = Duration.seconds(10)
    /// The delay of the reply to a wrong token after many others from the same address.
    package var wrongTokenDelay = Duration.seconds(1)
    /// The limit of subscribers to alerts.
    package var maxAlertSubscribers = 64
    /// The interval of sweeping alerts whose scopes get no more requests.
    package var alertSweep = Duration.seconds(5)
    /// The interval of charging expired reservations whose scopes get no requests.
    package var chargeSweep = Duration.seconds(1)
    /// The interval of publishing models without a price.
    package var unknownModelInterval = Duration.seconds(2)
    /// The interval of comparing the policy with those of other sidecars.
    package var peerInterval = Duration.seconds(5)

    /// The unit of money, from the policy file.
    var moneyUnit = MoneyUnit.nano

    /// The names of the keys in Redis, and the unit of money in them.
    package var keySpace: KeySpace {
        KeySpace(namespace: namespace, partitions: partitions, moneyUnit: moneyUnit)
    }

    /// The run marker file, next to the journal.
    var markerPath: String? {
        journalPath.map { path in
            URL(fileURLWithPath: path).deletingLastPathComponent().appending(path: "redis-marker.json").path
        }
    }

    /// The permitted bytes of a token.
    package static let tokenLengths = 16...512
    /// The end of an error about a token that is too short or too long.
    private static let expectedToken = "expected \(tokenLengths.lowerBound) to \(tokenLengths.upperBound) bytes"

    /// Returns the end of an error sentence about a token that no client can send, or that is too short or too long; nil for
    /// a valid token.
    package static func fault(ofToken token: String) -> String? {
        if token.unicodeScalars.first == "\u{FEFF}" {
            return "begins with a byte order mark; save it as UTF-8 without one"
        }
        if token.unicodeScalars.contains(where: { $0 == "\n" || $0 == "\r" }) { return "expected one line" }
        if token.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
            return "contains a control character, which no client can send"
        }
        return tokenLengths.contains(token.utf8.count) ? nil : expectedToken
    }

    /// Creates settings with defaults for everything else.
    package init(redis: RedisAddress, workers: Int) {
        self.redis = redis
        self.workers = workers
    }

    /// Checks all settings.
    ///
    /// - Throws: An `OperatorError` about the first invalid one.
    package func validate() throws(OperatorError) {
        guard !listen.isEmpty else { throw OperatorError("--listen: name at least one address") }
        if token == nil, let open = listen.first(where: { !$0.isLocal }) {
            throw OperatorError(
                "--listen \(open): listening beyond loopback needs a token; set one with --token-file or TOLLGATE_TOKEN"
            )
        }
        if let token, let fault = Self.fault(ofToken: token) { throw OperatorError("token: \(fault)") }
        try Self.validate(namespace: namespace, partitions: partitions)
        guard (1...256).contains(workers) else { throw OperatorError("--workers \(workers): expected 1 to 256") }
        guard deadline >= .milliseconds(1), deadline <= .seconds(60) else {
            throw OperatorError("--deadline: expected 1ms to 60s")
        }
        if case .after(let time) = idleTimeout {
            guard time >= .milliseconds(10), time <= .seconds(86_400) else {
                throw OperatorError("--idle-timeout: expected 10ms to 24h, or off")
            }
        }
        guard (1...1_000_000).contains(maxConnections) else {
            throw OperatorError("--max-connections \(maxConnections): expected 1 to 1000000")
        }
    }

    /// Checks the settings of the names of keys.
    ///
    /// - Throws: An `OperatorError` about the first invalid one.
    package static func validate(namespace: String, partitions: Int?) throws(OperatorError) {
        let allowed = namespace.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
            default: "_.-:".utf8.contains(byte)
            }
        }
        guard (1...64).contains(namespace.utf8.count), allowed else {
            throw OperatorError("--namespace \(namespace): expected 1 to 64 of A-Z a-z 0-9 _ . - :")
        }
        if let partitions, !(1...KeySpace.maxPartitions).contains(partitions) {
            throw OperatorError("--partitions \(partitions): expected 1 to \(KeySpace.maxPartitions)")
        }
    }
}
