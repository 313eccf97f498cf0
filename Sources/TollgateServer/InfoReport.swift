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

    var version = Version.current
    var uptimeSeconds = 0
    var redis = Redis()
    var policy = PolicyState()
    /// Over all workers.
    var counts = WorkerCounts()
}
