/// What INFO says; one JSON object.
struct InfoReport: Encodable, Sendable {
    struct Redis: Encodable, Sendable {
        /// Where it is, without secrets.
        var address = ""
        /// One a worker: `ready`, or why not.
        var links: [String] = []
    }

    struct PolicyState: Encodable, Sendable {
        var file: String?
        /// When the policy in force was read, ISO 8601.
        var loadedAt = ""
        /// Why the file as it stands now is not in force.
        var error: String?
    }

    struct Counts: Encodable, Sendable {
        var connections = 0
        var allowed = 0
        var denied = 0
        var applied = 0
        var degraded = 0
        var errors = 0
        var operations = 0
        var batches = 0
        var scopesCached = 0
    }

    var version = Version.current
    var uptimeSeconds = 0
    var redis = Redis()
    var policy = PolicyState()
    var counts = Counts()
}

extension InfoReport.Counts {
    init(_ counts: WorkerCounts) {
        self.init(
            connections: counts.connections, allowed: counts.allowed, denied: counts.denied, applied: counts.applied,
            degraded: counts.degraded, errors: counts.errors, operations: counts.operations, batches: counts.batches,
            scopesCached: counts.scopesCached)
    }
}
