import TollgateCore

/// A reply with another status than 200.
struct ErrorReply {
    var status: Int
    /// The header Retry-After.
    var retryAfter: String?
    /// GitHub's header `x-ratelimit-remaining`.
    var rateLimitRemaining: String?
    /// GitHub's header `x-ratelimit-reset`, Unix seconds.
    var rateLimitReset: String?
    var body: [UInt8] = []

    /// The maximum number of bytes of a body that are read.
    static let maxBodyBytes = 64 << 10

    /// Returns the failure, with the provider's sentence. Sentences about the credential quote parts of it, so they are left
    /// out.
    ///
    /// - Parameter now: Unix seconds.
    func failure(concealing credential: ProviderCredential, now: Int64) -> ProviderFailure {
        let message = kind == .unauthorized ? "the provider does not accept the key" : message
        return ProviderFailure(
            kind, message: message.map { ProviderFailure.sentence($0, concealing: credential) },
            retryAfter: delay(now: now))
    }

    private var kind: ProviderFailure.Kind {
        switch status {
        case 401: .unauthorized
        // GitHub's limits are 403 too.
        case 403: rateLimitRemaining == "0" || retryAfter != nil ? .rateLimited : .forbidden
        case 408: .timedOut
        case 429: .rateLimited
        case 503, 529: .overloaded
        case 400..<500: .badRequest
        case 500...: .serverError(status: status)
        case 300..<400: .malformed("status \(status): redirects are not followed")
        default: .malformed("status \(status)")
        }
    }

    private func delay(now: Int64) -> Duration? {
        if let delay = retryAfter.flatMap({ RetryAfter.duration($0, now: now) }) { return delay }
        guard kind == .rateLimited, rateLimitRemaining == "0",
            let reset = rateLimitReset.flatMap({ Digits.number($0) })
        else { return nil }
        return .seconds(max(0, reset - now))
    }

    /// The sentence: `error.message` of Anthropic, OpenAI and OpenRouter, or `message` of GitHub.
    private var message: String? {
        do throws(ProviderFailure) {
            let reply = try ReplyObject(body)
            if let error = try reply.objectIfPresent("error") { return try error.textIfPresent("message") }
            return try reply.textIfPresent("message")
        } catch {
            return nil
        }
    }
}
