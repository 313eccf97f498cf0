import NIOCore

/// What HELP says: each verb with its form.
enum Help {
    /// One JSON object, made once.
    static let json = Result { try JSONReply.bytes(verbs) }

    private static let verbs = [
        "CHECK":
            "CHECK kind=id … [hits=1] [tokens=] [input_tokens=] [output_tokens=] [cost=]: one decision over every limit",
        "PEEK": "PEEK, as CHECK: the same decision, consuming nothing",
        "RECORD":
            "RECORD kind=id … [hits=] [tokens=] [input_tokens=] [output_tokens=] [cost=] [id=] [at=]: adds what was really used, with an id once, at a time up to 31 days ago",
        "REFUND": "REFUND, as RECORD: takes back; no counter goes below zero",
        "RESERVE":
            "RESERVE, as CHECK, [ttl=60]: holds tokens, cost and one concurrent until COMMIT, CANCEL, or ttl seconds later",
        "COMMIT": "COMMIT reservation= [amounts]: ends a hold and adds what was really used",
        "CANCEL": "CANCEL reservation=: ends a hold and gives back the request that it counted",
        "USAGE": "USAGE scope=kind:id: what a scope has used of each limit, as JSON",
        "ALERTS":
            "ALERTS [after=cursor]: OK, and from then on ALERT {…} for whatever happens to alerts; after a cursor what came since, too",
        "AUTH": "AUTH token: where a token is set, first",
        "PING": "PING: PONG",
        "INFO": "INFO: version, uptime, Redis state and counts, as JSON",
        "HELP": "HELP: this",
    ]
}
