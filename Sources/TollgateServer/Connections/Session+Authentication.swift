import NIOCore
import TollgateCore
import TollgateWire

/// What common Redis clients ask for in order to connect.
extension Session {
    func authenticate(_ request: borrowing Request) {
        guard let token = worker.token, let given = request.token else {
            return refuse(RequestError(.badRequest, "AUTH: no token is set on this server"))
        }
        guard accept(request.bytes[given], as: token) else { return }
        replyOK()
    }

    /// Refuses, and in the end disconnects, whoever names the wrong token.
    private func accept(_ given: ArraySlice<UInt8>, as token: [UInt8]) -> Bool {
        guard ConstantTime.areEqual(given, token) else {
            refuseToken()
            return false
        }
        isAuthenticated = true
        worker.unauthenticated.remove(self)
        return true
    }

    /// `HELLO [2|3 [AUTH user token] [SETNAME name]]`. Only the reply to this differs between the two: whatever else is
    /// written here means the same in RESP3.
    func hello(_ request: borrowing Request) {
        let words = request.arguments
        let version = words.first.map { request.text($0) } ?? "2"
        guard version == "2" || version == "3" else {
            worker.counts.errors += 1
            return reply { $0.writeStaticString("-NOPROTO unsupported protocol version\r\n") }
        }
        var index = 1
        while index < words.count {
            switch request.text(words[index]).uppercased() {
            case "AUTH" where index + 2 < words.count:
                if let token = worker.token, !accept(request.bytes[words[index + 2]], as: token) { return }
                index += 3
            case "SETNAME" where index + 1 < words.count:
                index += 2
            default:
                return refuse(RequestError(.badRequest, "HELLO: expected 2 or 3 [AUTH user token] [SETNAME name]"))
            }
        }
        guard isAuthenticated else {
            return refuse(RequestError(.unauthenticated, "HELLO 2 AUTH user token, or AUTH first"))
        }
        introduce(isRESP3: version == "3")
    }

    private func introduce(isRESP3: Bool) {
        let texts = [("server", "tollgate"), ("version", Version.current), ("mode", "standalone"), ("role", "master")]
        let numbers: [(String, Int64)] = [("proto", isRESP3 ? 3 : 2), ("id", 1)]
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

    /// `CLIENT SETNAME`, `SETINFO` and the like are taken note of by nobody.
    func client(_ request: borrowing Request) {
        let subcommand = request.arguments.first.map { request.text($0).uppercased() }
        switch subcommand {
        case "SETNAME", "SETINFO", "NO-EVICT", "NO-TOUCH": replyOK()
        case "ID": reply { framing.writeInteger(1, to: &$0) }
        case "GETNAME": reply { framing.writeBulk([], to: &$0) }
        default:
            refuse(RequestError(.badRequest, "CLIENT: expected SETNAME, SETINFO, ID, GETNAME, NO-EVICT or NO-TOUCH"))
        }
    }
}
