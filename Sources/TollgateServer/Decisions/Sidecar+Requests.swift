package import NIOCore
package import TollgateCore
package import TollgateLedger
package import TollgatePolicy
package import TollgateStores
import TollgateWire

/// Requests from within this process, as the admin API makes them. Usable from any task.
extension Sidecar {
    /// Returns the reply to one line of the protocol (CHECK, PEEK, RECORD, REFUND, RESERVE, COMMIT or CANCEL), without
    /// the end of the line. A client of the socket would get the same. Needs no AUTH.
    package func reply(to line: ByteBuffer) async -> String {
        await reply { _ in line }
    }

    /// Cancels an open reservation. Returns the reply to the CANCEL.
    package func cancel(_ hold: OpenHold) async -> String {
        await reply { ledger in
            guard ledger.keyring.tokens.canSign else { return nil }
            var line = ByteBuffer()
            RequestWriter.write(.cancel, reservation: ledger.keyring.tokens.token(of: hold.reservation), to: &line)
            return line
        }
    }

    /// Returns the reply to a line that is made on a worker's event loop; nil if it cannot be made before Redis was
    /// reached.
    private func reply(to makeLine: @escaping @Sendable (Ledger) -> ByteBuffer?) async -> String {
        let worker = workers[0]
        let reply = worker.eventLoop.flatSubmit {
            let promise = worker.eventLoop.makePromise(of: String.self)
            if let line = makeLine(worker.value.ledger) {
                InProcessCall(worker: worker.value, promise: promise).start(line)
            } else {
                promise.succeed("ERR unavailable Redis was not reached yet")
            }
            return promise.futureResult
        }
        return (try? await reply.get()) ?? "ERR unavailable shutting down"
    }

    /// Reads the limits that apply to a scope and their usage.
    ///
    /// - Throws: `LedgerFailure`.
    package func usage(
        of scope: Scope, traits: UserTraits = .none
    ) async throws -> (rules: ScopeRules, usage: ScopeUsage) {
        let worker = workers[0]
        return try await worker.eventLoop.flatSubmit {
            let promise = worker.eventLoop.makePromise(of: (rules: ScopeRules, usage: ScopeUsage).self)
            worker.value.readUsage(of: scope, traits, promise)
            return promise.futureResult
        }.get()
    }

    /// The estimated time of Redis's clock, Unix ms; 0 after the shutdown.
    package var redisTime: Int64 {
        get async {
            let worker = workers[0]
            return (try? await worker.eventLoop.submit { worker.value.ledger.redisTime }.get()) ?? 0
        }
    }
}

extension Worker {
    /// Reads the usage of a scope, after a lookup if the scope is not cached.
    fileprivate func readUsage(
        of scope: Scope, _ traits: UserTraits, _ promise: EventLoopPromise<(rules: ScopeRules, usage: ScopeUsage)>
    ) {
        guard let plan = resolver.currentPlan(of: scope, traits) else {
            let retry: (LedgerFailure?) -> Void = { [self] failure in
                if let failure { promise.fail(failure) } else { readUsage(of: scope, traits, promise) }
            }
            return wait(for: resolver.mustWaitForBatch ? [] : [scope], completion: retry)
        }
        let rules = resolver.cache.rules(for: scope, traits)
        ledger.readUsage(of: plan) { result in
            promise.completeWith(result.map { (rules, $0) }.mapError { $0 as any Error })
        }
    }
}
