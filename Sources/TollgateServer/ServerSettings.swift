package import TollgateLedger
package import TollgatePolicy
package import TollgateRedis

/// What a running sidecar needs to know besides its policy.
package struct ServerSettings: Sendable {
    /// Where to listen; at least one address.
    package var listen: [ListenAddress] = [.tcp(host: "127.0.0.1", port: 7379)]
    /// Clients must name it in AUTH, 16 to 512 bytes; nil lets everyone in who can connect.
    package var token: String?
    /// The Redis that holds the counters.
    package var redis: RedisAddress
    /// What every key in Redis starts with: 1 to 64 of `A-Z a-z 0-9 _ . - :`.
    package var namespace = "tollgate"
    /// The number of hash tags over which scopes are spread, 1 to 16 384, so that each is in one slot of a Redis Cluster; nil for
    /// names without hash tags.
    package var partitions: Int?
    /// The file in which facts are kept that cannot reach Redis, and its folder is there; nil keeps none, and they fail.
    package var journalPath: String?
    /// The most operations that it holds; past it they fail.
    package var journalCapacity = 1_000_000
    /// Event loops, each with a Redis connection of its own.
    package var workers: Int
    /// How long a request may wait for Redis.
    package var deadline: Duration = .milliseconds(250)
    /// A connection on which no whole request came for so long is closed.
    package var idleTimeout: Duration = .seconds(300)
    /// A connection past it is refused with an error; fewer where the limit of open files leaves room for fewer. 1 to 1 000 000.
    package var maxConnections = 4_096

    /// The time in which a client must name the token, where one is set.
    package var authenticationTimeout = Duration.seconds(10)
    /// How late a wrong token is answered that comes after many others from the same address.
    package var wrongTokenDelay = Duration.seconds(1)
    /// The most clients that listen to alerts at a time.
    package var maxAlertSubscribers = 64
    /// How often alerts are looked after whose scopes nobody asks about.
    package var alertSweep = Duration.seconds(5)
    /// How often the policy is compared with those of the other sidecars.
    package var peerInterval = Duration.seconds(5)

    /// The names of its keys.
    package var keySpace: KeySpace { KeySpace(namespace: namespace, partitions: partitions) }

    /// The bytes of a token.
    package static let tokenLengths = 16...512
    /// The end of a sentence about one that is too short or too long.
    package static let expectedToken = "expected \(tokenLengths.lowerBound) to \(tokenLengths.upperBound) bytes"

    /// Everything else has its default.
    package init(redis: RedisAddress, workers: Int) {
        self.redis = redis
        self.workers = workers
    }

    /// Throws a sentence about the first setting that cannot be.
    package func validate() throws(OperatorError) {
        guard !listen.isEmpty else { throw OperatorError("--listen: name at least one address") }
        if token == nil, let open = listen.first(where: { !$0.isLocal }) {
            throw OperatorError(
                "--listen \(open): listening beyond loopback needs a token; set one with --token-file or TOLLGATE_TOKEN"
            )
        }
        if let token, !Self.tokenLengths.contains(token.utf8.count) {
            throw OperatorError("token: \(Self.expectedToken)")
        }
        try Self.validate(namespace: namespace, partitions: partitions)
        guard (1...256).contains(workers) else { throw OperatorError("--workers \(workers): expected 1 to 256") }
        guard deadline >= .milliseconds(1), deadline <= .seconds(60) else {
            throw OperatorError("--deadline: expected 1ms to 60s")
        }
        guard idleTimeout >= .milliseconds(10), idleTimeout <= .seconds(86_400) else {
            throw OperatorError("--idle-timeout: expected 10ms to 24h")
        }
        guard (1...1_000_000).contains(maxConnections) else {
            throw OperatorError("--max-connections \(maxConnections): expected 1 to 1000000")
        }
    }

    /// The same of the names of keys alone.
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
