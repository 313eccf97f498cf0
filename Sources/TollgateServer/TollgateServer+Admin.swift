package import NIOCore
package import TollgateCore
package import TollgateLedger

/// What the admin API needs of a running sidecar.
extension TollgateServer {
    /// The policy file alone, and what it becomes with what administrators have set.
    package struct Policies: Sendable {
        package var file: Policy
        package var effective: Policy
    }

    /// Present, and read by nobody but reports.
    package var policies: Policies {
        fatalError("to come")
    }

    /// Nil before `start()`.
    package var store: PolicyStore? {
        fatalError("to come")
    }

    /// The reply to one line of the protocol (CHECK, PEEK, RECORD, REFUND, RESERVE, COMMIT, CANCEL), as a client of the socket
    /// would get it, without the line's end. Needs no AUTH.
    package func reply(to line: ByteBuffer) async -> String {
        fatalError("to come")
    }

    /// What holds for a scope and what it has used. Throws `LedgerFailure`.
    package func usage(of scope: Scope, traits: UserTraits = .none) async throws -> (
        rules: ScopeRules, usage: ScopeUsage
    ) {
        fatalError("to come")
    }

    /// After a change has been made through this sidecar: when this returns, no request that comes later is decided by what was
    /// there before. Other sidecars are told by Redis. `scope` is nil for tiers and assignments of roles, domains and everyone.
    package func settingsChanged(of scope: Scope?) async {
        fatalError("to come")
    }

    /// Whether Redis answers and what administrators have set is known.
    package var isReady: Bool {
        get async { fatalError("to come") }
    }

    /// What Redis's clock probably says now, Unix ms.
    package var redisTime: Int64 {
        get async { fatalError("to come") }
    }
}
