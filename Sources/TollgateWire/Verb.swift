/// The first word of a request.
package enum Verb: UInt8, CaseIterable, Sendable {
    case check, peek, record, refund, reserve, commit, cancel, usage, help, info, ping, auth, alerts
    // What common Redis clients send in order to connect; known in RESP only.
    case echo, quit, hello, client, command, select
    // Refused, on either protocol.
    case multi, exec, discard

    /// In upper case, as error sentences print it.
    package var name: String {
        switch self {
        case .check: "CHECK"
        case .peek: "PEEK"
        case .record: "RECORD"
        case .refund: "REFUND"
        case .reserve: "RESERVE"
        case .commit: "COMMIT"
        case .cancel: "CANCEL"
        case .usage: "USAGE"
        case .help: "HELP"
        case .info: "INFO"
        case .ping: "PING"
        case .auth: "AUTH"
        case .alerts: "ALERTS"
        case .echo: "ECHO"
        case .quit: "QUIT"
        case .hello: "HELLO"
        case .client: "CLIENT"
        case .command: "COMMAND"
        case .select: "SELECT"
        case .multi: "MULTI"
        case .exec: "EXEC"
        case .discard: "DISCARD"
        }
    }

    /// Whether the line protocol does not know it.
    package var isOnlyForRESP: Bool {
        switch self {
        case .echo, .quit, .hello, .client, .command, .select: true
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel, .usage, .help, .info, .ping, .auth, .alerts,
            .multi, .exec, .discard:
            false
        }
    }

    /// Whether its arguments are `key=value`, but for ALERTS.
    var takesFields: Bool {
        switch self {
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel, .usage: true
        default: false
        }
    }

    /// Whether its requests name scopes and amounts.
    package var namesScopes: Bool {
        switch self {
        case .check, .peek, .record, .refund, .reserve: true
        default: false
        }
    }

    /// Reads a word in any case; nil when it is no verb of this version.
    package init?(_ word: UnsafeRawBufferPointer) {
        switch word.count {
        case 4:
            if word.equalsIgnoringCase("peek") { self = .peek; return }
            if word.equalsIgnoringCase("ping") { self = .ping; return }
            if word.equalsIgnoringCase("info") { self = .info; return }
            if word.equalsIgnoringCase("help") { self = .help; return }
            if word.equalsIgnoringCase("auth") { self = .auth; return }
            if word.equalsIgnoringCase("echo") { self = .echo; return }
            if word.equalsIgnoringCase("quit") { self = .quit; return }
            if word.equalsIgnoringCase("exec") { self = .exec; return }
        case 5:
            if word.equalsIgnoringCase("check") { self = .check; return }
            if word.equalsIgnoringCase("usage") { self = .usage; return }
            if word.equalsIgnoringCase("hello") { self = .hello; return }
            if word.equalsIgnoringCase("multi") { self = .multi; return }
        case 6:
            if word.equalsIgnoringCase("record") { self = .record; return }
            if word.equalsIgnoringCase("refund") { self = .refund; return }
            if word.equalsIgnoringCase("commit") { self = .commit; return }
            if word.equalsIgnoringCase("cancel") { self = .cancel; return }
            if word.equalsIgnoringCase("client") { self = .client; return }
            if word.equalsIgnoringCase("select") { self = .select; return }
            if word.equalsIgnoringCase("alerts") { self = .alerts; return }
        case 7:
            if word.equalsIgnoringCase("reserve") { self = .reserve; return }
            if word.equalsIgnoringCase("command") { self = .command; return }
            if word.equalsIgnoringCase("discard") { self = .discard; return }
        default: break
        }
        return nil
    }
}
