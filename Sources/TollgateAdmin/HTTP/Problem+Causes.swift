import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateStores

extension Problem {
    /// Converts any error of a route.
    package init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let error as PolicyError: self.init(policy: error)
        case let error as StoreError: self.init(store: error)
        case let failure as LedgerFailure: self.init(ledger: failure)
        case is NIOTooManyBytesError: self = .bodyTooLarge
        // The client has disconnected and will not receive this.
        case is HTTPParserError, is ChannelError, is IOError: self.init(.badRequest, "the body is incomplete")
        case is CancellationError: self.init(.unavailable, "the sidecar is shutting down")
        default: self.init(.internal, "\(type(of: error))")
        }
    }

    static var bodyTooLarge: Problem {
        Problem(.bodyTooLarge, "expected a body of at most \(AdminRequest.maxBytes) bytes")
    }

    init(ledger failure: LedgerFailure) {
        switch failure {
        case .unavailable(let state): self.init(unavailable: state)
        case .refused(let sentence), .unsupported(let sentence): self.init(.unavailable, sentence)
        case .timeout: self.init(.timeout, "Redis did not reply within the deadline")
        case .busy: self = .busy
        case .internal(let sentence): self.init(.internal, sentence)
        }
    }

    /// Describes an unavailable Redis. `state` is that of the connection, which may have recovered meanwhile.
    init(unavailable state: String) {
        let isStale = ["ready", "probing", "Redis: ready", "Redis: probing"].contains(state)
        self.init(.unavailable, isStale ? "Redis did not reply" : state)
    }

    static var busy: Problem {
        var problem = Problem(.busy, "too many requests are waiting for Redis")
        problem.headers[.retryAfter] = "1"
        return problem
    }

    /// The problem for connections that are accepted for health checks only.
    static var noCapacity: Problem {
        var problem = Problem(.busy, "too many connections have a request in progress")
        problem.headers[.retryAfter] = "1"
        return problem
    }

    /// Converts an error of the store whose meaning does not depend on If-Match.
    init(store error: StoreError) {
        switch error {
        case .notConnected: self.init(.unavailable, error.description)
        case .unavailable(let sentence): self.init(.unavailable, sentence)
        case .unknownOutcome(let sentence):
            self.init(
                .unknownOutcome,
                "no reply in time, so the change may have been made; check before retrying (\(sentence))")
        case .exists(let version), .conflict(.some(let version)):
            self.init(.preconditionFailed, "the current version is \(version)")
            current = ETag.text(version)
        case .conflict(nil): self.init(.preconditionFailed, "no such resource")
        case .missing: self.init(.notFound, "no such resource")
        case .inUse(let count):
            self.init(
                .conflict,
                "the tier is assigned to \(count) \(count == 1 ? "user, role or domain" : "users, roles or domains"); assign another tier first"
            )
        case .unknownTier(let id): self = .invalid("tier", "\(id): no such tier")
        case .alreadyDone(let sentence): self.init(.conflict, sentence)
        case .tooMany(let sentence): self.init(.conflict, sentence)
        case .badCursor: self.init(.badRequest, "cursor: expected the next of a previous page")
        case .corrupt(let sentence): self.init(.internal, sentence)
        }
    }

    /// Converts an error in a part of a policy. `prefix` is the path of that part in the body.
    init(policy error: PolicyError, prefix: String = "") {
        if let problem = error.problems.first, problem.path.isEmpty, problem.sentence == "not valid JSON" {
            self = .badRequest("the body is not valid JSON")
            return
        }
        self = .invalid(
            error.problems.map { problem in
                let path = [prefix, problem.path].filter { !$0.isEmpty }.joined(separator: ".")
                return FieldError(field: path, message: problem.sentence)
            })
    }

    /// Converts an `ERR` of the protocol.
    init(code: String, sentence: String) {
        switch code {
        case "bad_request", "unknown_verb", "line_too_long": self.init(.badRequest, sentence)
        case "not_found": self.init(.notFound, sentence)
        case "conflict": self.init(.conflict, sentence)
        case "busy": self = .busy
        case "timeout": self.init(.timeout, sentence)
        case "unavailable": self.init(unavailable: sentence)
        default: self.init(.internal, sentence)
        }
    }
}
