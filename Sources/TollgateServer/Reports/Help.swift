import NIOCore
import TollgatePolicy
import TollgateWire

/// The reply to HELP: each verb with its form.
enum Help {
    /// One JSON object, encoded once.
    static let json = Result { try JSONReply.bytes(verbs) }

    /// The form of a verb and what it does.
    static func summary(of verb: Verb) -> String { verbs[verb.name] ?? "\(verb.name), as in Redis" }

    private static let verbs = [
        "CHECK":
            "CHECK kind=id … [requests=1] [tokens=] [input_tokens=] [output_tokens=] [cost=]: one decision over every limit; kind:id too, where + joins scopes and ++ is a plus sign within an id; in warn= and shadow= a comma within an id is doubled",
        "PEEK": "PEEK, as CHECK: the same decision, consuming nothing",
        "RECORD":
            "RECORD kind=id … [requests=] [tokens=] [input_tokens=] [output_tokens=] [cost=] [id=] [at=]: adds actual usage, with an id once, at a time up to 31 days ago",
        "REFUND": "REFUND, as RECORD: subtracts usage; no counter goes below zero",
        "RESERVE":
            "RESERVE, as CHECK, [ttl=60] [on_expiry=release|charge]: holds tokens, cost and one concurrent until COMMIT, CANCEL, or ttl seconds later; on_expiry=charge makes tokens and cost usage then",
        "COMMIT": "COMMIT reservation= [amounts]: ends a hold and adds actual usage",
        "CANCEL": "CANCEL reservation=: ends a hold and subtracts the request that it counted",
        "USAGE":
            "USAGE kind=id …: the usage of a scope for each limit, as JSON; several kinds name their composite scope",
        "ALERTS":
            "ALERTS [after=cursor]: OK, and from then on ALERT {…} for each alert event; after a cursor also the events since",
        "AUTH": "AUTH token: first, if a token is set",
        "PING": "PING: PONG",
        "INFO": "INFO, RESP only: the fields of STATUS in the format of Redis's INFO",
        "STATUS": "STATUS: version, uptime, Redis state and counts, as JSON",
        "HELP": "HELP: this",
    ]
}

/// JSON on one line, with keys in snake case and in alphabetical order.
enum JSONReply {
    static func bytes(_ value: some Encodable) throws -> ByteBuffer {
        ByteBuffer(string: try CanonicalJSON.text(value, keys: .snakeCase))
    }
}
