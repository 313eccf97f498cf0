import HTTPTypes
import Hummingbird
import TollgateCore

/// A denial as a problem with the fields of the decision.
///
/// A denial that can end has status 429 and the problem type of draft-ietf-httpapi-ratelimit-headers. One that waiting
/// does not change has status 403 or 422, so that clients do not retry it.
struct DenialProblem: Encodable {
    let decision: Decision

    init(_ decision: Decision) {
        self.decision = decision
    }

    /// The HTTP status: 403 for a blocked scope, 422 for a call that is too large, 429 for all others.
    var status: HTTPResponse.Status {
        switch decision.reason {
        case .blocked, .unknownModel: .forbidden
        case .tooLarge: .unprocessableContent
        case .rateLimited, .quotaExceeded, .concurrency, nil: .tooManyRequests
        }
    }

    /// Whether the same request would be denied again, no matter how long the client waits.
    var isFinal: Bool {
        switch decision.reason {
        case .blocked, .tooLarge, .unknownModel: true
        case .rateLimited, .quotaExceeded: decision.retryAfter == nil
        case .concurrency, nil: false
        }
    }

    /// The HTTP response without the RateLimit headers.
    var response: Response {
        var response = Response.json(self, status)
        response.headers[.contentType] = Response.problemType
        if isFinal { response.headers[.shouldRetry] = "false" }
        if let seconds = decision.retryAfter {
            response.headers[.retryAfter] = "\(RateLimitFields.rounded(seconds))"
        }
        return response
    }

    enum CodingKeys: String, CodingKey {
        case type, title, status, detail, code
        case violatedPolicies = "violated-policies"
    }

    func encode(to encoder: any Encoder) throws {
        try DecisionView(decision).encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        let code = decision.reason?.rawValue ?? "denied"
        try container.encode(code, forKey: .code)
        try container.encode(title, forKey: .title)
        try container.encode(status.code, forKey: .status)
        try container.encode(detail, forKey: .detail)
        if status == .tooManyRequests {
            try container.encode(ProblemType.quotaExceeded, forKey: .type)
            // The names that RateLimit-Policy uses.
            try container.encode([decision.limit].compactMap { $0 }, forKey: .violatedPolicies)
        } else {
            try container.encode(ProblemType.own(code), forKey: .type)
        }
    }

    private var title: String {
        switch decision.reason {
        case .rateLimited: "The rate limit of this window is exceeded"
        case .quotaExceeded: "The quota is exhausted"
        case .tooLarge: "The amount exceeds the maximum of one call"
        case .blocked: "Blocked"
        case .concurrency: "Too many open reservations"
        case .unknownModel: "The price of the model is not known"
        case nil: "Denied"
        }
    }

    private var detail: String {
        if decision.reason == .unknownModel {
            return "there is no price for the model, and the policy has unknown_model: refuse; add one under prices:"
        }
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
        case .blocked, .concurrency, .unknownModel, nil: false
        }
    }
}

/// The URIs of problem types.
enum ProblemType {
    private static let registry = "https://iana.org/assignments/http-problem-types"

    /// The type for exhausted quotas of draft-ietf-httpapi-ratelimit-headers.
    static let quotaExceeded = registry + "#quota-exceeded"
    /// The type for a service that cannot decide at the moment, of the same draft.
    static let temporaryReducedCapacity = registry + "#temporary-reduced-capacity"

    /// Returns the type of a problem that only Tollgate has.
    static func own(_ code: String) -> String { "urn:tollgate:problem:\(code)" }
}
