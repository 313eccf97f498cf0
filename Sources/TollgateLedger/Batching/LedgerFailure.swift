/// Why an operation got no answer from Redis. Says nothing about whether it was applied, unless it says that it was not.
package enum LedgerFailure: Error, Equatable, Sendable {
    /// No connection; not applied. Or it broke while the operation was under way.
    case unavailable(String)
    /// The deadline passed.
    case timeout
    /// Too many operations are waiting already, or this one has waited too long in the sidecar; not applied. No outage.
    case busy
    /// Redis does not let us in; not applied. No outage: nothing passes on its account.
    case refused(String)
    /// Redis is there, but not one that can be used; not applied. No outage either.
    case unsupported(String)
    /// Redis or the script answered something that is not an answer. Never a reason to let a request pass.
    case `internal`(String)

    /// Redis could not be asked, or not in time.
    package var isOutage: Bool {
        switch self {
        case .unavailable, .timeout: true
        case .busy, .refused, .unsupported, .internal: false
        }
    }

    /// Whether a fact that met this failure is kept until Redis takes it.
    var allowsJournaling: Bool {
        switch self {
        case .unavailable, .timeout, .refused, .unsupported, .busy: true
        case .internal: false
        }
    }
}

extension LedgerFailure {
    /// Redis's own refusals that mean «not now» are an outage, and those that mean «not you» are like a wrong password; any
    /// other error is a fault.
    package init(redisSaid sentence: String) {
        if let refusal = WriteRefusal(redisSaid: sentence), refusal.code == "NOPERM" {
            self = .refused("Redis: \(refusal.sentence)")
            return
        }
        let passing = [
            "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "OOM", "MISCONF", "TRYAGAIN", "NOREPLICAS",
        ]
        let code = sentence.prefix { $0 != " " }
        self = passing.contains(String(code)) ? .unavailable(sentence) : .internal(sentence)
    }
}
