/// The first word of a request.
package enum Verb: UInt8, CaseIterable, Sendable {
    case check, peek, record, refund, reserve, commit, cancel, usage, help, info, status, ping, auth, alerts
    // Sent by Redis clients when they connect; RESP only.
    case echo, quit, hello, client, command, select
    // Rejected in both protocols.
    case multi, exec, discard

    /// The name in upper case.
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
        case .status: "STATUS"
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

    /// The names of the verbs that make a request, for suggestions.
    static let names = allCases.filter { !$0.isOnlyForRESP && ![.multi, .exec, .discard].contains($0) }.map(\.name)

    /// Whether the verb is unknown in the line protocol.
    package var isOnlyForRESP: Bool {
        switch self {
        case .echo, .quit, .hello, .client, .command, .select: true
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel, .usage, .help, .info, .status, .ping, .auth,
            .alerts, .multi, .exec, .discard:
            false
        }
    }

    /// Whether the arguments are `key=value`. Those of ALERTS are parsed separately.
    var takesFields: Bool {
        switch self {
        case .check, .peek, .record, .refund, .reserve, .commit, .cancel, .usage: true
        default: false
        }
    }

    /// Whether the requests name scopes and amounts.
    package var namesScopes: Bool {
        switch self {
        case .check, .peek, .record, .refund, .reserve: true
        default: false
        }
    }

    /// Parses a word in any case; nil if it is not a verb of this version.
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
            if word.equalsIgnoringCase("status") { self = .status; return }
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
