import Foundation
import TollgateLedger

/// The state of a sidecar: the reply to STATUS as one JSON object, and to INFO in Redis's format (`InfoText`).
package struct InfoReport: Encodable, Sendable {
    package struct Redis: Encodable, Sendable {
        /// The address, without secrets.
        package var address = ""
        /// The version of Redis; nil before it was reached, and if Redis does not report it.
        package var version: String?
        /// The state of each worker's link: `ready`, or the reason why not.
        package var links: [String] = []
        /// Whether functions are called: `yes`, or `no (evalsha)` if Redis denies them to one of the workers.
        package var functions = "yes"
        package var health = Health()
        /// The refusal of writes; nil while Redis accepts them.
        package var refusal: Refusal?
    }

    /// The refusal of writes by a Redis that answers.
    package struct Refusal: Encodable, Sendable {
        /// The error code of Redis, such as `OOM`.
        package var code: String
        /// The error of Redis.
        package var reason: String
        /// The beginning, ISO 8601.
        package var since: String

        init(_ state: RedisRefusals.State) {
            code = state.refusal.code
            reason = state.refusal.sentence
            since = state.since.ISO8601Format()
        }
    }

    /// Settings that can cause data loss, and detected losses.
    package struct Health: Encodable, Sendable {
        package var warnings: [String] = []
        package var dataLosses = 0
        /// The time of the last detected loss, ISO 8601.
        package var lastDataLoss: String?

        init() {}

        init(_ health: RedisHealth) {
            warnings = health.warnings
            dataLosses = health.dataLosses
            lastDataLoss = health.lastDataLoss?.ISO8601Format()
        }
    }

    /// The active policy.
    package struct PolicyState: Encodable, Sendable {
        package var file: String?
        /// The time at which the active policy file was read, ISO 8601.
        package var loadedAt = ""
        /// The error of the last reload; nil if the current policy file is active.
        package var error: String?
        /// The revision at which tiers and assignments were last read; nil before. Does not include changes of single
        /// scopes.
        package var revision: Int64?
        /// Whether this sidecar is subscribed to policy changes.
        package var isSubscribed = false
        /// The digest of the active policy file. Sidecars that decide alike have the same digest.
        package var digest = ""
        /// The decimals of money.
        package var decimals = 9
        /// The names of the sidecars of the namespace with a different policy.
        package var differsFrom: [String] = []
    }

    /// The prices of models.
    package struct PriceState: Encodable, Sendable {
        /// The price file; nil if there is none.
        package var file: String?
        /// The time at which it was read, ISO 8601.
        package var loadedAt = ""
        /// The error of the last reload; nil if the current file is active.
        package var error: String?
        /// The number of prices, with those of the policy.
        package var models = 0
        /// The requests with a model or an item without a price since the start.
        package var unknownModelRequests = 0
    }

    /// The accounts at providers.
    package struct AccountState: Encodable, Sendable {
        /// The accounts of the active policy.
        package var configured = 0
        /// Whether this sidecar is the one that reads accounts. The following are of that sidecar alone.
        package var readsHere = false
        /// The accounts whose figures are at most three intervals old.
        package var fresh = 0
        /// The accounts without newer figures, although no reading failed.
        package var stale = 0
        /// The ids of the accounts whose last reading failed, sorted.
        package var failing: [String] = []
        /// The ids of the accounts whose `bind` has no effect, because another account is bound to the same provider.
        package var notBound: [String] = []
    }

    /// The limit of connections, and rejected clients. `counts` has the open connections.
    package struct ClientState: Encodable, Sendable {
        /// The limit: `--max-connections`, or less if the limit of open files is lower.
        package var max = 0
        /// The connections refused at the limit since the start.
        package var refused = 0
        /// The reason why the system currently cannot accept connections; nil if it can.
        package var acceptFailure: String?
        /// The wrong tokens in AUTH and HELLO since the start.
        package var wrongTokens = 0
        /// The connections closed because they do not speak the protocol: HTTP, TLS, or only unknown verbs.
        package var foreign = 0
        /// The file of the token; nil if there is none.
        package var tokenFile: String?
        /// The time at which the token in force was read from it, ISO 8601.
        package var tokenLoadedAt: String?
        /// The error of the last reload of that file; nil if the current file is active.
        package var tokenError: String?
    }

    /// The level of the log.
    package struct LogState: Encodable, Sendable {
        /// The least level of log lines.
        package var level = ""
        /// The end of that level, ISO 8601, and the level after it; nil if it stays.
        package var until: String?
        package var nextLevel: String?

        init() {}

        package init(_ state: LogThreshold.State) {
            level = "\(state.level)"
            until = state.until?.ISO8601Format()
            nextLevel = state.nextLevel.map { "\($0)" }
        }
    }

    /// The access to the admin API.
    package struct AccessState: Encodable, Sendable {
        /// The file of access rules; nil if there is none.
        package var file: String?
        /// The time at which the rules in force were read, ISO 8601.
        package var loadedAt: String?
        /// The error of the last reload; nil if the current file is active.
        package var error: String?

        init() {}

        init(_ state: ReloadedFile.State) {
            (file, loadedAt, error) = (state.path, state.loadedAt, state.error)
        }
    }

    /// Scopes that limits do not apply to, and kinds that limits wait for.
    package struct ScopeState: Encodable, Sendable {
        /// The decisions to which no limit applied since the start, by each kind that their requests named.
        package var unlimitedDecisions: [String: Int] = [:]
        /// The kinds that have limits in the policy and that no request has named since the start, sorted.
        package var limitedKindsNotNamed: [String] = []
    }

    /// The stream of alert events.
    package struct AlertState: Encodable, Sendable {
        /// The cursor up to which this sidecar has read; nil before Redis was reached.
        package var cursor: String?
        /// Whether this sidecar is subscribed to new events.
        package var isSubscribed = false
        /// The file of receivers; nil if there is none.
        package var receiversFile: String?
        /// The error of the last reload of that file; nil if the current file is active.
        package var receiversError: String?
    }

    /// Writes that wait on disk until Redis can be reached.
    package struct JournalState: Encodable, Sendable {
        package var operations: Int
        /// The entries with these operations. Each was written, and is replayed, as a whole.
        package var entries: Int
        /// The age of the oldest entry; nil if nothing waits.
        package var oldestSeconds: Int64?
        /// The rate of replay in operations, on average over the last ten seconds.
        package var replayedPerSecond: Double
        /// The entries that Redis could not apply, for an operator to examine.
        package var rejected: Int
        /// The number of times that the file was created again after its removal; nil for none.
        package var remade: Int?
        /// The last error of the file.
        package var error: String?

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

    package var version = Version.current
    /// The commit that the program was built from; nil if it is not known.
    package var commit = Version.commit
    package var processId = ProcessInfo.processInfo.processIdentifier
    /// The addresses on which clients connect.
    package var listen: [String] = []
    /// The address of the admin API; nil if it is off.
    package var admin: String?
    /// The address of the listener for metrics; nil without one.
    package var metrics: String?
    package var uptimeSeconds = 0
    /// The reasons why the sidecar is not ready, as in `/readyz`.
    package var notReady: [String] = []
    package var redis = Redis()
    package var policy = PolicyState()
    package var prices = PriceState()
    package var accounts = AccountState()
    package var alerts = AlertState()
    package var clients = ClientState()
    package var access = AccessState()
    package var log = LogState()
    package var journal: JournalState?
    /// The sum over all workers.
    package var counts = WorkerCounts()
    package var scopes = ScopeState()
    /// The share of scopes whose settings were cached, 0 … 1; nil before the first request.
    package var cacheHitRate: Double?
}
