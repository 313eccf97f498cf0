import NIOCore
import Testing
import TollgateCore

@testable import TollgateWire

/// The contents of a request as values that can be compared.
struct RequestContent: Equatable {
    var verb: Verb
    var amounts: Amounts
    var scopes: [Scope.Part] = []
    var scopeTexts: [String] = []
    var id: String?
    var timeToLive: Int64?
    var reservation: String?
    var email: String?
    var roles: [String]
    var scope: String?
    var token: String?
    var after: AlertCursor?
    var arguments: [[UInt8]]

    init(_ request: Request) {
        verb = request.verb
        amounts = request.amounts
        for field in request.scopes {
            let id = singlePlus(request.text(field.id))
            scopes.append(Scope.Part(kind: request.text(field.kind), id: id))
            scopeTexts.append(request.text(field.text))
        }
        id = request.id.map(request.text)
        timeToLive = request.timeToLive
        reservation = request.reservation.map(request.text)
        email = request.email.map(request.text)
        roles = request.roles.map { request.text($0).split(separator: ",").map(String.init) } ?? []
        scope = request.scope.map(request.text)
        token = request.token.map(request.text)
        after = request.after
        arguments = request.arguments.map { Array(request.bytes[$0]) }
    }

    /// The line that the client writes for the request; nil for verbs that it never sends.
    func encoded() throws -> ByteBuffer? {
        var out = ByteBuffer()
        switch verb {
        case .check, .peek, .record, .refund, .reserve:
            RequestWriter.write(
                verb, scopes: scopes, amounts: amounts, id: id, timeToLive: timeToLive, roles: roles, email: email,
                to: &out)
        case .commit, .cancel:
            RequestWriter.write(verb, reservation: reservation ?? "", amounts: amounts, to: &out)
        case .usage:
            let scope = try Scope(parsing: scope ?? "")
            RequestWriter.writeUsage(of: scope, roles: roles, email: email, to: &out)
        case .alerts: RequestWriter.writeAlerts(after: after.map { "\($0)" }, to: &out)
        case .auth: RequestWriter.writeAuth(token ?? "", to: &out)
        case .ping where arguments.isEmpty: RequestWriter.write(.ping, to: &out)
        case .help, .info, .status: RequestWriter.write(verb, to: &out)
        case .ping, .echo, .quit, .hello, .client, .command, .select, .multi, .exec, .discard: return nil
        }
        return out
    }
}

/// The id with double plus signs replaced by single ones.
private func singlePlus(_ id: String) -> String {
    var scalars = String.UnicodeScalarView()
    var pendingPlus = false
    for scalar in id.unicodeScalars {
        pendingPlus = scalar == "+" && !pendingPlus
        if !pendingPlus { scalars.append(scalar) }
    }
    return String(scalars)
}

/// The outcome of the bytes of one connection.
enum Event: Equatable {
    case request(RequestContent)
    case refused(RequestError)
    case broken(RequestError)
}

/// Feeds pieces of bytes to a reader, and returns all outcomes up to the first broken frame.
func read(_ pieces: some Sequence<some Collection<UInt8>>) -> [Event] {
    var reader = RequestReader()
    var buffer = ByteBuffer()
    var events: [Event] = []
    for piece in pieces {
        buffer.writeBytes(piece)
        reading: while true {
            switch reader.next(from: &buffer) {
            case .request: events.append(.request(RequestContent(reader.request)))
            case .refused(let error): events.append(.refused(error))
            case .broken(let error): return events + [.broken(error)]
            case .needsMore: break reading
            }
        }
        if buffer.readerIndex > 4_096 { buffer.discardReadBytes() }
    }
    return events
}

func read(_ text: String) -> [Event] { read([Array(text.utf8)]) }

/// Encodes words as a RESP frame.
func frame(_ words: [[UInt8]]) -> [UInt8] {
    var bytes = Array("*\(words.count)\r\n".utf8)
    for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + Array("\r\n".utf8) }
    return bytes
}

func frame(_ words: [String]) -> [UInt8] { frame(words.map { Array($0.utf8) }) }

/// Parses the request in a line without its terminator.
func request(_ line: String) throws -> RequestContent {
    try #require(read(line + "\n").first?.request)
}

extension Event {
    var request: RequestContent? {
        if case .request(let request) = self { request } else { nil }
    }

    /// The text after `ERR`: `code sentence`.
    var errorText: String? {
        switch self {
        case .request: nil
        case .refused(let error), .broken(let error): "\(error.code.rawValue) \(error.sentence)"
        }
    }
}
