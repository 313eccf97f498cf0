/// A sidecar's reply, as the bookkeeper distinguishes them.
enum LoadReply: Sendable, Equatable {
    /// OK: `queued` if it is applied when Redis is back, `duplicate` if it was applied before.
    case ok(queued: Bool = false, duplicate: Bool = false)
    case allow(degraded: Bool = false, reservation: String? = nil)
    case deny
    case error(code: String)
    /// The connection ended, or timed out.
    case lost
    /// Any other reply: a fault of the sidecar.
    case strange

    init(line: String?) {
        guard let line else {
            self = .lost
            return
        }
        let words = line.split(separator: " ").map(String.init)
        switch words.first {
        case "OK": self = .ok(queued: words.contains("queued=1"), duplicate: words.contains("duplicate=1"))
        case "ALLOW":
            let token = words.first { $0.hasPrefix("reservation=") }.map { String($0.dropFirst(12)) }
            self = .allow(degraded: words.contains("degraded=1"), reservation: token)
        case "DENY": self = .deny
        case "ERR" where words.count > 1: self = .error(code: words[1])
        default: self = .strange
        }
    }

    /// Whether it was made without Redis.
    var isWithoutRedis: Bool {
        switch self {
        case .ok(queued: true, _), .allow(degraded: true, _), .error: true
        case .ok, .allow, .deny, .lost, .strange: false
        }
    }

    /// The word under which it is counted.
    var word: String {
        switch self {
        case .ok(queued: true, _): "queued"
        case .ok(_, duplicate: true): "duplicate"
        case .ok: "ok"
        case .allow(degraded: true, _): "degraded"
        case .allow: "allowed"
        case .deny: "denied"
        case .error(let code): code
        case .lost: "lost"
        case .strange: "strange"
        }
    }
}
