import TollgateRedis

/// The reason why an operation got no answer from Redis. It may have been applied unless the case says that it was not.
package enum LedgerFailure: Error, Equatable, Sendable {
    /// There was no connection, and the operation was not applied; or the connection broke during it.
    case unavailable(String)
    /// The deadline passed.
    case timeout
    /// Too many operations wait, or this one has waited too long in the sidecar. Not applied; not an outage.
    case busy
    /// Redis refuses the sidecar's login or its commands. Not applied; not an outage, so no request passes because of it.
    case refused(String)
    /// Redis is reachable but not supported, such as an old version. Not applied; not an outage.
    case unsupported(String)
    /// Redis or the script replied with something unexpected. Never a reason to let a request pass.
    case `internal`(String)

    /// Whether Redis could not be reached, or not in time.
    package var isOutage: Bool {
        switch self {
        case .unavailable, .timeout: true
        case .busy, .refused, .unsupported, .internal: false
        }
    }

    /// Whether a write that failed this way is journaled until Redis takes it.
    var allowsJournaling: Bool {
        switch self {
        case .unavailable, .timeout, .refused, .unsupported, .busy: true
        case .internal: false
        }
    }
}

extension LedgerFailure {
    /// Returns why nothing can be sent on a link that is not ready. A Redis that rejects the login is no outage.
    static func noConnection(_ status: RedisLinkStatus, _ description: String) -> LedgerFailure {
        switch status {
        case .refused(let reason): .refused("Redis rejects the login: \(reason)")
        case .unsupported(let reason): .unsupported(reason)
        case .idle, .connecting, .ready, .down, .closed: .unavailable(description)
        }
    }

    /// Creates the failure for an error of Redis. Temporary refusals are an outage, and missing permissions are like a
    /// wrong password; any other error is a fault.
    package init(redisSaid sentence: String) {
        if let refusal = WriteRefusal(redisSaid: sentence), refusal.code == "NOPERM" {
            self = .refused("Redis: \(refusal.sentence)")
            return
        }
        let temporaryCodes = [
            "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "OOM", "MISCONF", "TRYAGAIN", "NOREPLICAS",
        ]
        let code = sentence.prefix { $0 != " " }
        self = temporaryCodes.contains(String(code)) ? .unavailable(sentence) : .internal(sentence)
    }
}

/// An error by which Redis refuses writes, all of them or those of this sidecar.
package struct WriteRefusal: Sendable, Equatable {
    /// Redis's error code: `OOM`, `MISCONF`, `NOREPLICAS`, `NOPERM` …
    package let code: String
    /// Redis's error message, with the code.
    package let sentence: String

    private static let codes: Set<String> = [
        "OOM", "MISCONF", "NOREPLICAS", "NOPERM", "READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "BUSY",
        "TRYAGAIN",
    ]

    /// Creates a refusal from an error of Redis; nil for an error that does not concern other commands.
    package init?(redisSaid sentence: String) {
        // Commands that a user's scripts may not call fail with ERR instead of NOPERM.
        let isDeniedToScript = sentence.hasPrefix("ERR The user executing the script can't ")
        let text = isDeniedToScript ? "NOPERM" + sentence.dropFirst("ERR".count) : sentence
        let code = String(text.prefix { $0 != " " })
        guard Self.codes.contains(code) else { return nil }
        self.code = code
        // Without the position in the script: `… script: 6f68…, on @user_script:1.`
        self.sentence = text.components(before: " script: ").trimmed
    }
}

extension String {
    fileprivate func components(before separator: String) -> Substring {
        ranges(of: separator).last.map { self[..<$0.lowerBound] } ?? self[...]
    }
}

extension Substring {
    fileprivate var trimmed: String { String(self.reversed().drop { $0.isWhitespace }.reversed()) }
}
