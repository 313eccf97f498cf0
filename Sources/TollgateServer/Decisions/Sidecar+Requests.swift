package import NIOCore
package import TollgateCore
package import TollgateLedger
package import TollgatePolicy
package import TollgateStores
import TollgateWire

/// What the admin API needs of a running sidecar. Usable from any task.
extension TollgateServer {
    /// The policy file alone, and what it becomes with what administrators have set.
    package struct Policies: Sendable {
        package var file: Policy
        package var effective: Policy
    }

    /// Those in force.
    package var policies: Policies {
        let (file, effective) = filePolicyAndEffective
        return Policies(file: file, effective: effective)
    }

    /// The reply to one line of the protocol (CHECK, PEEK, RECORD, REFUND, RESERVE, COMMIT, CANCEL), as a client of the socket
    /// would get it, without the line's end. Needs no AUTH.
    package func reply(to line: ByteBuffer) async -> String {
        await reply { _ in line }
    }

    /// The reply to the CANCEL of an open reservation.
    package func cancel(_ hold: OpenHold) async -> String {
        await reply { ledger in
            guard ledger.keyring.tokens.canSign else { return nil }
            var line = ByteBuffer()
            RequestWriter.write(.cancel, reservation: ledger.keyring.tokens.token(of: hold.reservation), to: &line)
            return line
        }
    }

    /// The reply to a line that is made on the event loop of a worker; nil where it cannot be made before Redis was reached.
    private func reply(to makeLine: @escaping @Sendable (Ledger) -> ByteBuffer?) async -> String {
        let noReply = "ERR unavailable shutting down"
        guard let worker = workers.first else { return noReply }
        let reply = worker.eventLoop.flatSubmit {
            let promise = worker.eventLoop.makePromise(of: String.self)
            if let line = makeLine(worker.value.ledger) {
                InProcessCall(worker: worker.value, promise: promise).start(line)
            } else {
                promise.succeed("ERR unavailable Redis was not reached yet")
            }
            return promise.futureResult
        }
        return (try? await reply.get()) ?? noReply
    }

    /// What holds for a scope and what it has used. Throws `LedgerFailure`.
    package func usage(
        of scope: Scope, traits: UserTraits = .none
    ) async throws -> (rules: ScopeRules, usage: ScopeUsage) {
        guard let worker = workers.first else { throw LedgerFailure.unavailable("not started") }
        return try await worker.eventLoop.flatSubmit {
            let promise = worker.eventLoop.makePromise(of: (rules: ScopeRules, usage: ScopeUsage).self)
            worker.value.readUsage(of: scope, traits, promise)
            return promise.futureResult
        }.get()
    }

    /// After a change has been made through this sidecar: when this returns, no request that comes later is decided by what was
    /// there before. Other sidecars are told by Redis. `scope` is nil for tiers and assignments of roles, domains and everyone.
    package func settingsChanged(of scope: Scope?) async {
        guard let scope else {
            // Where it fails now, it is read when Redis tells of the change.
            try? await watcher?.read()
            // Each worker has it when what was handed to its loop before has been done.
            for worker in workers { try? await worker.eventLoop.submit {}.get() }
            return
        }
        // The first of its kind: requests may be joined into such scopes from now on.
        if shared?.kinds.contains(scope.kind) != true { try? await watcher?.read() }
        for worker in workers {
            try? await worker.eventLoop.submit { worker.value.settingsChanged(of: scope) }.get()
        }
        reviewAlerts(of: scope)
    }

    /// What Redis's clock probably says now, Unix ms.
    package var redisTime: Int64 {
        get async {
            guard let worker = workers.first else { return 0 }
            return (try? await worker.eventLoop.submit { worker.value.ledger.redisTime }.get()) ?? 0
        }
    }
}

extension Worker {
    /// Looks the scope up where that is needed, and reads what it has used.
    fileprivate func readUsage(
        of scope: Scope, _ traits: UserTraits, _ promise: EventLoopPromise<(rules: ScopeRules, usage: ScopeUsage)>
    ) {
        guard let plan = resolver.currentPlan(of: scope, traits) else {
            let again: (LedgerFailure?) -> Void = { [self] failure in
                if let failure { promise.fail(failure) } else { readUsage(of: scope, traits, promise) }
            }
            return wait(for: resolver.mustWaitForBatch ? [] : [scope], completion: again)
        }
        let rules = resolver.cache.rules(for: scope, traits)
        ledger.readUsage(of: plan) { result in
            promise.completeWith(result.map { (rules, $0) }.mapError { $0 as any Error })
        }
    }
}
