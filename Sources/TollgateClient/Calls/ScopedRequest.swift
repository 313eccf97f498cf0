import NIOCore
import TollgateCore
import TollgateWire

/// What a caller says of one request. Turned into a line only when the sidecar would read that line as meant, so that a bad
/// id or amount is told apart from a bad connection, and no value can change another.
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

    /// The line of a verb that names scopes and amounts.
    ///
    /// - Parameters:
    ///   - id: Of a RECORD or REFUND that counts once.
    ///   - timeToLive: Of a RESERVE, in seconds.
    func line(
        _ verb: Verb, id: String? = nil, timeToLive: Int64? = nil
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
            verb, scopes: scopes, amounts: amounts, id: id, timeToLive: timeToLive, roles: roles, email: email,
            to: &line)
        try check(line)
        return line
    }

    /// The line of a USAGE, which names one scope.
    func usageLine(of scope: Scope) throws(TollgateClientError) -> ByteBuffer {
        var line = ByteBuffer()
        RequestWriter.writeUsage(of: scope, roles: roles, email: email, to: &line)
        try check(line)
        return line
    }

    /// Reads the line as the sidecar will. A kind or a role is all that is written without quotes where it needs them.
    private func check(_ line: ByteBuffer) throws(TollgateClientError) {
        if let role = roles.first(where: { $0.utf8.contains(UInt8(ascii: ",")) }) {
            throw .refused(code: "bad_request", sentence: "roles: a comma in \(role)")
        }
        try Self.checkReadable(line)
    }

    /// Throws what the sidecar would answer to a bad request.
    static func checkReadable(_ line: ByteBuffer) throws(TollgateClientError) {
        var reader = RequestReader()
        var line = line
        switch reader.next(from: &line) {
        case .request: return
        case .refused(let error), .broken(let error):
            throw .refused(code: error.code.rawValue, sentence: error.sentence)
        case .needsMore: throw .refused(code: "bad_request", sentence: "an empty request")
        }
    }
}
