import NIOCore
import TollgateCore
import TollgateWire

/// CLIENT and COMMAND, which Redis clients and redis-cli send when they connect.
extension Session {
    // MARK: - CLIENT

    /// Handles the subcommands of CLIENT. None of them has an effect on requests.
    func client(_ request: borrowing Request) {
        let words = request.arguments.map { request.text($0) }
        switch (words.first?.uppercased(), words.count) {
        case ("SETNAME", 2): acknowledge(clientDescription.setName(words[1]), "SETNAME")
        case ("SETINFO", 3): acknowledge(clientDescription.setInfo(words[1], words[2]), "SETINFO")
        case ("NO-EVICT", 2), ("NO-TOUCH", 2): replyOK()
        case ("ID", 1): reply { framing.writeInteger(clientDescription.id, to: &$0) }
        case ("GETNAME", 1):
            guard !clientDescription.name.isEmpty else { return replyNull() }
            reply { framing.writeBulk(clientDescription.name.utf8, to: &$0) }
        case ("INFO", 1), ("LIST", 1):
            let line = clientDescription.line(address: peerAddress) + "\n"
            reply { framing.writeBulk(line.utf8, to: &$0) }
        default:
            refuse(
                RequestError(
                    .badRequest,
                    "CLIENT: expected SETNAME name, SETINFO lib-name|lib-ver text, ID, GETNAME, INFO, LIST, NO-EVICT or NO-TOUCH"
                ))
        }
    }

    private func acknowledge(_ isAccepted: Bool, _ subcommand: String) {
        guard !isAccepted else { return replyOK() }
        let longest = ClientDescription.maxLength
        refuse(RequestError(.badRequest, "CLIENT \(subcommand): expected at most \(longest) bytes of visible ASCII"))
    }

    /// The client's address and port, or the path of the socket.
    private var peerAddress: String {
        guard let address = context?.remoteAddress, let ip = address.ipAddress, let port = address.port else {
            return "unix"
        }
        return ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }

    private func replyNull() {
        reply { [speaksRESP3 = clientDescription.speaksRESP3] in
            if speaksRESP3 { $0.writeStaticString("_\r\n") } else { $0.writeStaticString("$-1\r\n") }
        }
    }

    // MARK: - COMMAND

    /// Handles COMMAND, and its subcommands COUNT, LIST, INFO and DOCS.
    func command(_ request: borrowing Request) {
        let words = request.arguments.map { request.text($0) }
        let verbs = Verb.allCases.filter(\.isCarriedOut)
        switch words.first?.uppercased() {
        case nil: replyEntries(verbs)
        case "COUNT": reply { framing.writeInteger(Int64(verbs.count), to: &$0) }
        case "LIST":
            reply { buffer in
                framing.writeArrayHeader(verbs.count, to: &buffer)
                for verb in verbs { framing.writeBulk(verb.name.lowercased().utf8, to: &buffer) }
            }
        case "INFO": replyEntries(words.count == 1 ? verbs : words.dropFirst().map(Self.verb))
        case "DOCS": replyDocs(words.count == 1 ? verbs : words.dropFirst().compactMap(Self.verb))
        default: refuse(RequestError(.badRequest, "COMMAND: expected COUNT, LIST, INFO, DOCS or no argument"))
        }
    }

    private static func verb(named name: String) -> Verb? {
        Verb.allCases.first { $0.isCarriedOut && $0.name == name.uppercased() }
    }

    /// Replies with entries of name, arity, flags, the positions of keys, ACL categories, tips, key specifications and
    /// subcommands. Requests have no keys and no subcommands.
    private func replyEntries(_ verbs: [Verb?]) {
        let null: StaticString = clientDescription.speaksRESP3 ? "_\r\n" : "*-1\r\n"
        reply { buffer in
            framing.writeArrayHeader(verbs.count, to: &buffer)
            for verb in verbs {
                guard let verb else {
                    buffer.writeStaticString(null)
                    continue
                }
                framing.writeArrayHeader(10, to: &buffer)
                framing.writeBulk(verb.name.lowercased().utf8, to: &buffer)
                framing.writeInteger(verb.arity, to: &buffer)
                framing.writeArrayHeader(1, to: &buffer)
                framing.writeSimple("fast", to: &buffer)
                for _ in 0..<3 { framing.writeInteger(0, to: &buffer) }
                framing.writeArrayHeader(1, to: &buffer)
                framing.writeSimple("@fast", to: &buffer)
                for _ in 0..<3 { framing.writeArrayHeader(0, to: &buffer) }
            }
        }
    }

    /// Replies with the summary of each verb, as in HELP.
    private func replyDocs(_ verbs: [Verb]) {
        let speaksRESP3 = clientDescription.speaksRESP3
        reply { buffer in
            writeMap(verbs.count, speaksRESP3, to: &buffer)
            for verb in verbs {
                framing.writeBulk(verb.name.lowercased().utf8, to: &buffer)
                writeMap(3, speaksRESP3, to: &buffer)
                let fields = [("summary", Help.summary(of: verb)), ("since", Version.current), ("group", "generic")]
                for (name, text) in fields {
                    framing.writeBulk(name.utf8, to: &buffer)
                    framing.writeBulk(text.utf8, to: &buffer)
                }
            }
        }
    }

    private func writeMap(_ count: Int, _ speaksRESP3: Bool, to buffer: inout ByteBuffer) {
        if speaksRESP3 {
            framing.writeMapHeader(count, to: &buffer)
        } else {
            framing.writeArrayHeader(2 * count, to: &buffer)
        }
    }
}

extension Verb {
    /// Whether requests with the verb are carried out, and not always refused.
    fileprivate var isCarriedOut: Bool {
        switch self {
        case .multi, .exec, .discard: false
        default: true
        }
    }

    /// The number of words with the verb; negative for a minimum.
    fileprivate var arity: Int64 {
        switch self {
        case .echo, .select: 2
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel, .usage, .auth, .client: -2
        default: -1
        }
    }
}
