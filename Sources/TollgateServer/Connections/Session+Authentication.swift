import Logging
import NIOCore
import TollgateCore
import TollgateWire

/// AUTH and HELLO, and clients that fail at them.
extension Session {
    /// A client is disconnected after this number of wrong tokens.
    private static let maxBadTokens = 5

    func authenticate(_ request: borrowing Request) {
        guard let token = worker.token, let given = request.token else {
            return refuse(RequestError(.badRequest, "AUTH: no token is set on this server"))
        }
        guard accept(request.bytes[given], as: token) else { return }
        replyOK()
    }

    /// Compares a token with the expected one. Refuses a wrong one, and disconnects the client after several.
    private func accept(_ given: ArraySlice<UInt8>, as token: [UInt8]) -> Bool {
        guard ConstantTime.areEqual(given, token) else {
            refuseToken()
            return false
        }
        isAuthenticated = true
        worker.sessions.authenticated(self)
        return true
    }

    /// Handles `HELLO [2|3 [AUTH user token] [SETNAME name]]`. Only maps and nulls differ between RESP2 and RESP3.
    func hello(_ request: borrowing Request) {
        let words = request.arguments
        let version = words.first.map { request.text($0) } ?? "2"
        guard version == "2" || version == "3" else {
            worker.countError(.badRequest)
            return reply { $0.writeStaticString("-NOPROTO unsupported protocol version\r\n") }
        }
        var index = 1
        while index < words.count {
            switch request.text(words[index]).uppercased() {
            case "AUTH" where index + 2 < words.count:
                if let token = worker.token, !accept(request.bytes[words[index + 2]], as: token) { return }
                index += 3
            case "SETNAME" where index + 1 < words.count:
                guard clientDescription.setName(request.text(words[index + 1])) else {
                    return refuse(RequestError(.badRequest, "HELLO SETNAME: expected visible ASCII without spaces"))
                }
                index += 2
            default:
                return refuse(RequestError(.badRequest, "HELLO: expected 2 or 3 [AUTH user token] [SETNAME name]"))
            }
        }
        guard isAuthenticated else {
            return refuse(RequestError(.unauthenticated, "HELLO 2 AUTH user token, or AUTH first"))
        }
        clientDescription.speaksRESP3 = version == "3"
        writeServerProperties(isRESP3: version == "3")
    }

    private func writeServerProperties(isRESP3: Bool) {
        let texts = [("server", "tollgate"), ("version", Version.current), ("mode", "standalone"), ("role", "master")]
        let numbers: [(String, Int64)] = [("proto", isRESP3 ? 3 : 2), ("id", clientDescription.id)]
        let count = texts.count + numbers.count
        reply { buffer in
            if isRESP3 {
                framing.writeMapHeader(count, to: &buffer)
            } else {
                framing.writeArrayHeader(2 * count, to: &buffer)
            }
            for (name, value) in texts {
                framing.writeBulk(name.utf8, to: &buffer)
                framing.writeBulk(value.utf8, to: &buffer)
            }
            for (name, value) in numbers {
                framing.writeBulk(name.utf8, to: &buffer)
                framing.writeInteger(value, to: &buffer)
            }
        }
    }

    // MARK: - Failures

    /// The client's IP address for the log, or `unix`.
    private var address: String { context?.remoteAddress?.ipAddress ?? "unix" }

    /// Refuses a wrong token. After many from the same address the refusal is delayed and ends the connection.
    private func refuseToken() {
        badTokens += 1
        let error = RequestError(.unauthenticated, "wrong token")
        guard worker.clients.wrongTokens.note(from: address) != nil else {
            refuse(error)
            if badTokens >= Self.maxBadTokens { closeAfterReplies() }
            return
        }
        pauseRequests(for: worker.wrongTokenDelay) { [self] in
            refuse(error)
            closeAfterReplies()
        }
    }

    /// Counts and logs a client that speaks another protocol. The caller disconnects it.
    func noteForeignTraffic(_ traffic: ForeignTraffic) {
        _ = worker.clients.foreignTraffic.note(from: address, metadata: ["spoke": "\(traffic)"])
    }
}
