import TollgateCore

/// The reason why the usage of an account could not be read. It contains neither the credential nor a URL's query.
package struct ProviderFailure: Error, Equatable, Sendable {
    /// A kind of failures.
    package enum Kind: Equatable, Sendable {
        /// The provider does not accept the credential.
        case unauthorized
        /// The credential may not read usage.
        case forbidden
        case rateLimited
        /// The settings of the account are unusable, so the provider was not asked.
        case settings
        /// The provider does not accept the request.
        case badRequest
        case serverError(status: Int)
        /// The provider is overloaded (529 or 503).
        case overloaded
        case timedOut
        /// There is no connection, or it broke.
        case connection
        /// The body of a reply has more bytes than permitted.
        case tooLarge
        /// The reply is not what the provider's documentation says.
        case malformed(String)
        /// A page names a page that has been read.
        case pagingLoop
        case tooManyPages
        /// The task was cancelled.
        case cancelled
    }

    package let kind: Kind
    /// The provider's sentence, or details of the failure: at most 200 characters, without control characters.
    package let message: String?
    /// The time to wait that the provider asks for.
    package let retryAfter: Duration?

    /// The maximum number of characters of a message.
    package static let maxMessageLength = 200

    package init(_ kind: Kind, message: String? = nil, retryAfter: Duration? = nil) {
        if case .malformed(let sentence) = kind {
            self.kind = .malformed(Self.line(sentence))
        } else {
            self.kind = kind
        }
        self.message = message.map(Self.line).flatMap { $0.isEmpty ? nil : $0 }
        self.retryAfter = retryAfter
    }

    static func malformed(_ sentence: String) -> ProviderFailure { ProviderFailure(.malformed(sentence)) }

    /// Returns the failure without the credential.
    func concealing(_ credential: ProviderCredential) -> ProviderFailure {
        var kind = kind
        if case .malformed(let sentence) = kind { kind = .malformed(credential.concealed(in: sentence)) }
        return ProviderFailure(kind, message: message.map(credential.concealed), retryAfter: retryAfter)
    }

    /// Returns a provider's text as one line without the credential and without queries of URLs.
    static func sentence(_ text: String, concealing credential: ProviderCredential) -> String {
        // Characters that are not shown are removed first, as they could divide the credential.
        withoutQueries(credential.concealed(in: visible(text)))
    }

    private static func line(_ text: String) -> String {
        PlainText.shortened(visible(text), to: maxMessageLength)
    }

    private static func visible(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: continue
            default: scalars.append(scalar)
            }
        }
        return String(scalars)
    }

    /// Cuts each word that contains a path or a URL at its question mark.
    private static func withoutQueries(_ text: String) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false).map { word in
            guard word.contains("/") || word.contains("="), let mark = word.firstIndex(of: "?") else { return word }
            return word[..<mark]
        }.joined(separator: " ")
    }
}

extension ProviderFailure: CustomStringConvertible {
    /// The failure as a sentence for logs: `unauthorized: invalid x-api-key`.
    package var description: String {
        let name =
            switch kind {
            case .unauthorized: "unauthorized"
            case .forbidden: "forbidden"
            case .rateLimited: "rate limited"
            case .settings: "unusable settings"
            case .badRequest: "bad request"
            case .serverError(let status): "status \(status)"
            case .overloaded: "overloaded"
            case .timedOut: "no response in time"
            case .connection: "connection failed"
            case .tooLarge: "the response is too large"
            case .malformed(let sentence): "unexpected response: \(sentence)"
            case .pagingLoop: "a page of the response names an earlier page"
            case .tooManyPages: "the response has too many pages"
            case .cancelled: "cancelled"
            }
        return message.map { "\(name): \($0)" } ?? name
    }
}
