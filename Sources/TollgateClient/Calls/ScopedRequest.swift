import NIOCore
public import TollgateCore
import TollgateWire

/// The parameters of one request. The client encodes them, parses the line again and sends it only if it is valid. A
/// bad id thus fails with `bad_request`, and no value can inject another key.
struct ScopedRequest {
    var scopes: [Scope.Part]
    var amounts: Amounts
    var roles: [String]
    var email: String?

    init(_ scopes: [Scope.Part], _ amounts: Amounts, roles: [String], email: String?) {
        self.scopes = scopes
        self.amounts = amounts
        self.roles = roles
        self.email = email
    }

    /// Encodes a request of scopes and amounts.
    ///
    /// - Parameters:
    ///   - id: The idempotency key of a RECORD or REFUND.
    ///   - timeToLive: The lifetime of a RESERVE in seconds.
    ///   - onExpiry: What a RESERVE says should happen when it expires.
    func line(
        _ verb: Verb, id: String? = nil, timeToLive: Int64? = nil, onExpiry: ExpiryRule? = nil
    ) throws(TollgateClientError) -> ByteBuffer {
        for scope in scopes {
            do throws(ScopeError) {
                try ScopeKind.validate(scope.kind)
            } catch {
                throw .refused(code: "bad_request", sentence: error.description)
            }
        }
        var line = ByteBuffer()
        RequestWriter.write(
            verb, scopes: scopes, amounts: amounts, id: id, timeToLive: timeToLive, onExpiry: onExpiry,
            roles: roles, email: email, to: &line)
        try check(line)
        return line
    }

    /// Encodes a USAGE, which names one scope.
    func usageLine(of scope: Scope) throws(TollgateClientError) -> ByteBuffer {
        var line = ByteBuffer()
        RequestWriter.writeUsage(of: scope, roles: roles, email: email, to: &line)
        try check(line)
        return line
    }

    /// Parses the line as the sidecar would. Only scope kinds and roles are written without quotes, so roles are
    /// checked for commas first.
    private func check(_ line: ByteBuffer) throws(TollgateClientError) {
        if let role = roles.first(where: { $0.utf8.contains(UInt8(ascii: ",")) }) {
            throw .refused(code: "bad_request", sentence: "roles: expected names without commas, found \(role)")
        }
        try Self.checkReadable(line, amounts)
    }

    /// Throws the error that the sidecar would send for this line.
    ///
    /// The sidecar alone knows its policy's `decimals`, and checks the cost by them.
    static func checkReadable(_ line: ByteBuffer, _ amounts: Amounts) throws(TollgateClientError) {
        var reader = RequestReader(moneyUnit: amounts.unit)
        var line = line
        switch reader.next(from: &line) {
        case .request: return
        case .refused(let error), .broken(let error):
            throw .refused(code: error.code.rawValue, sentence: error.sentence)
        case .needsMore: throw .refused(code: "bad_request", sentence: "an empty request")
        }
    }
}

/// The common scope kinds, for calls such as `check(.user("alice"), .tool("search"))`. Ids are validated when the
/// request is sent.
extension Scope.Part {
    /// The scope `user:id`.
    public static func user(_ id: String) -> Scope.Part { Scope.Part(kind: "user", id: id) }
    /// The scope `team:id`.
    public static func team(_ id: String) -> Scope.Part { Scope.Part(kind: "team", id: id) }
    /// The scope `project:id`.
    public static func project(_ id: String) -> Scope.Part { Scope.Part(kind: "project", id: id) }
    /// The scope `tenant:id`.
    public static func tenant(_ id: String) -> Scope.Part { Scope.Part(kind: "tenant", id: id) }
    /// The scope `tool:id`.
    public static func tool(_ id: String) -> Scope.Part { Scope.Part(kind: "tool", id: id) }
    /// The scope `provider:id`.
    public static func provider(_ id: String) -> Scope.Part { Scope.Part(kind: "provider", id: id) }
    /// The scope `model:id`.
    public static func model(_ id: String) -> Scope.Part { Scope.Part(kind: "model", id: id) }
    /// The scope `account:id`.
    public static func account(_ id: String) -> Scope.Part { Scope.Part(kind: "account", id: id) }
    /// The scope `kind:id`, for any other kind.
    public static func scope(_ kind: String, _ id: String) -> Scope.Part { Scope.Part(kind: kind, id: id) }
}
