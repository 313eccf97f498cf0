import Foundation
import TollgateLedger

/// What INFO says; one JSON object.
struct InfoReport: Encodable, Sendable {
    struct Redis: Encodable, Sendable {
        /// Where it is, without secrets.
        var address = ""
        /// One a worker: `ready`, or why not.
        var links: [String] = []
        /// Whether Redis functions are called, or EVALSHA as Redis denies them to one of the workers: `yes`, `no (evalsha)`.
        var functions = "yes"
        var health = Health()
        /// Nil while Redis takes what is written.
        var refusal: Refusal?
    }

    /// A Redis that answers and takes no writes.
    struct Refusal: Encodable, Sendable {
        /// Redis's code, such as `OOM`.
        var code: String
        /// Redis's sentence.
        var reason: String
        /// ISO 8601.
        var since: String

        init(_ state: RedisRefusals.State) {
            code = state.refusal.code
            reason = state.refusal.sentence
            since = state.since.ISO8601Format()
        }
    }

    /// Whether Redis may lose the counters, and whether it has.
    struct Health: Encodable, Sendable {
        var warnings: [String] = []
        var dataLosses = 0
        /// ISO 8601.
        var lastDataLoss: String?

        init() {}

        init(_ health: RedisHealth) {
            warnings = health.warnings
            dataLosses = health.dataLosses
            lastDataLoss = health.lastDataLoss?.ISO8601Format()
        }
    }

    struct PolicyState: Encodable, Sendable {
        var file: String?
        /// When the policy in force was read, ISO 8601.
        var loadedAt = ""
        /// Why the file as it stands now is not in force.
        var error: String?
        /// The number of the last change that was there when tiers and assignments were last read; nil before. Changes of single
        /// scopes are not waited for.
        var revision: Int64?
        /// Whether changes are told to this sidecar as they are made.
        var isSubscribed = false
        /// Of the policy file in force: the same for all sidecars that decide alike.
        var digest = ""
        /// The names of the sidecars of the namespace that decide by another.
        var differsFrom: [String] = []
    }

    /// The places for clients, and those that had none. How many connections are open stands in `counts`.
    struct ClientState: Encodable, Sendable {
        /// The most at a time: `--max-connections`, or what fits below the limit of open files.
        var max = 0
        /// Those that found no place since the start.
        var refused = 0
        /// Why the system does not let connections be accepted at the moment.
        var acceptFailure: String?
        /// Wrong tokens in AUTH and HELLO since the start.
        var wrongTokens = 0
        /// Those that were closed because they do not speak the protocol: HTTP, TLS, or nothing but unknown verbs.
        var foreign = 0
    }

    /// The stream of what happens to alerts.
    struct AlertState: Encodable, Sendable {
        /// Where this sidecar has read it up to; nil before Redis was reached.
        var cursor: String?
        /// Whether this sidecar is told of news at once.
        var isSubscribed = false
    }

    /// Facts that are kept on disk until Redis can be reached.
    struct JournalState: Encodable, Sendable {
        var operations: Int
        /// What holds them: each was put on disk, and is replayed, as a whole.
        var entries: Int
        /// How long the oldest has waited; nil where nothing waits.
        var oldestSeconds: Int64?
        /// Operations, on average over the last ten seconds.
        var replayedPerSecond: Double
        /// Entries that Redis could not apply; a person has to look at them.
        var rejected: Int
        /// How often the file was made anew because it had been taken away; nil for never.
        var remade: Int?
        /// Why the file could not be used the last time.
        var error: String?

        init(_ journal: Journal) {
            let depth = journal.depth
            operations = depth.operations
            entries = depth.records
            oldestSeconds = journal.oldestAge?.components.seconds
            replayedPerSecond = journal.replayedPerSecond
            rejected = depth.rejected
            remade = depth.remade > 0 ? depth.remade : nil
            error = depth.lastError
        }
    }

    var version = Version.current
    var uptimeSeconds = 0
    /// Why the sidecar cannot do its work as it should: what `/readyz` says.
    var notReady: [String] = []
    var redis = Redis()
    var policy = PolicyState()
    var alerts = AlertState()
    var clients = ClientState()
    var journal: JournalState?
    /// Over all workers.
    var counts = WorkerCounts()
    /// The share of scopes for which what administrators have set was at hand, 0 … 1; nil before the first request.
    var cacheHitRate: Double?
}
