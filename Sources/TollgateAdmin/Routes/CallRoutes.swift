import HTTPTypes
import Hummingbird
import NIOCore
import TollgateCore
import TollgateServer
import TollgateWire

/// The routes of the protocol's verbs, such as `/v1/check`, for callers that only have HTTP.
struct CallRoutes {
    let api: AdminAPI

    var routes: [Route] {
        [Verb.check, .peek, .reserve, .record, .refund, .commit, .cancel].map { verb in
            Route(.post, "/v1/\(verb.name.lowercased())", .call) { try await answer(verb, $0) }
        }
    }

    private func answer(_ verb: Verb, _ request: AdminRequest) async throws -> Response {
        _ = try request.query()
        let line = try CallRequest(verb: verb).line(try await request.json())
        let reply = await api.server.reply(to: line)
        let parsed = reply.utf8.withContiguousStorageIfAvailable { bytes in
            Result { try ReplyParser.parse(UnsafeRawBufferPointer(bytes)) }
        }
        switch try parsed?.get() {
        case .decision(let decision): return Self.response(decision)
        case .ok(let fields): return .json(Receipt(verb, fields))
        case .error(let code, let sentence): throw Problem(code: code, sentence: sentence)
        case .pong, .json, .alert, nil: throw Problem(.internal, "unexpected reply to \(verb.name)")
        }
    }

    private static func response(_ decision: Decision) -> Response {
        var response =
            decision.allowed
            ? Response.json(DecisionView(decision)) : Response.json(Denial(decision), .tooManyRequests)
        if !decision.allowed { response.headers[.contentType] = Response.problemType }
        RateLimitFields(decision)?.add(to: &response.headers)
        if !decision.allowed, let seconds = decision.retryAfter {
            response.headers[.retryAfter] = "\(RateLimitFields.rounded(seconds))"
        }
        return response
    }

    /// The response to a verb without a decision:
    /// `{"status":"ok","duplicate":false,"queued":false,"warnings":["user:alice/cost/day:80"]}`
    private struct Receipt: Encodable {
        var status = "ok"
        var duplicate: Bool
        var queued: Bool
        /// Whether the reservation had expired. Nil for verbs other than COMMIT and CANCEL.
        var late: Bool?
        var warnings: [String]

        init(_ verb: Verb, _ fields: [Reply.Field]) {
            func isSet(_ key: String) -> Bool { fields.contains { $0.key == key && $0.value == "1" } }
            duplicate = isSet("duplicate")
            queued = isSet("queued")
            late = verb == .commit || verb == .cancel ? isSet("late") : nil
            let warnings = fields.first { $0.key == "warn" }.map { ReplyParser.warnings(in: $0.value) } ?? []
            self.warnings = warnings.map(\.description)
        }
    }
}

/// A denial: a problem with the fields of the decision.
private struct Denial: Encodable {
    var decision: Decision

    init(_ decision: Decision) {
        self.decision = decision
    }

    enum CodingKeys: String, CodingKey {
        case type, title, status, detail
    }

    func encode(to encoder: any Encoder) throws {
        try DecisionView(decision).encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode("urn:tollgate:problem:\(decision.reason?.rawValue ?? "denied")", forKey: .type)
        try container.encode(title, forKey: .title)
        try container.encode(429, forKey: .status)
        try container.encode(detail, forKey: .detail)
    }

    private var title: String {
        switch decision.reason {
        case .rateLimited: "The rate limit of this window is exceeded"
        case .quotaExceeded: "The quota is exhausted"
        case .tooLarge: "The amount exceeds the maximum of one call"
        case .blocked: "Blocked"
        case .concurrency: "Too many open reservations"
        case nil: "Denied"
        }
    }

    private var detail: String {
        let limit = decision.limit ?? "a limit"
        let used = decision.used?.description ?? "?"
        let max = decision.max?.description ?? "?"
        let retry = decision.retryAfter.map { "; retry after \($0) s" } ?? ""
        let hopeless = exceedsLimitAlone ? "; this call alone exceeds the limit" : ""
        return "\(limit): \(used) of \(max) used\(retry)\(hopeless)"
    }

    /// Whether the request exceeds the limit even without any usage. Waiting for the end of the period does not help
    /// then.
    private var exceedsLimitAlone: Bool {
        switch decision.reason {
        case .tooLarge: true
        case .rateLimited, .quotaExceeded: decision.retryAfter == nil && decision.limitInForce?.period != .total
        case .blocked, .concurrency, nil: false
        }
    }
}
