import NIOCore
import TollgateCore
import TollgateLedger
import TollgateWire

/// Whoever has a request decided or recorded: a client's session, or a call from within this process. Lives on its worker's event
/// loop.
///
/// On the way of a request there is no task, no dictionary and no log call.
protocol RequestHandler: OperationDelegate {
    var worker: Worker { get }
    /// Holds the request at hand, until it has been handled.
    var reader: RequestReader { get }
    /// How replies are written.
    var framing: Framing { get }

    /// Takes a place for a reply that comes later.
    func reserveReply() -> Int
    /// The reply for a place taken earlier.
    func fill(_ ticket: Int, _ write: (inout ByteBuffer) -> Void)
    /// The reply to a request that is not carried out.
    func refuse(_ error: RequestError)
    /// Handles the request at hand again: when these scopes are known, or cannot be; without any, when the batch which fills has
    /// been sent.
    func wait(for scopes: [Scope])
    /// Calls `resume` when what `begin` starts has called back, and handles nothing else meanwhile.
    func wait(_ begin: (@escaping (LedgerFailure?) -> Void) -> Void, resume: @escaping (LedgerFailure?) -> Void)
    /// The same at once: these scopes cannot be looked up now.
    func goOn(without unknown: LedgerFailure)
}

extension RequestHandler {
    /// Carries out the request at hand if it is a decision or a fact; false for any other. `unknown`: why its scopes could not be
    /// looked up.
    func carryOut(_ verb: Verb, _ unknown: LedgerFailure?) -> Bool {
        switch verb {
        case .check: submit(.check, unknown)
        case .peek: submit(.peek, unknown)
        case .record: submit(.record, unknown)
        case .refund: submit(.refund, unknown)
        case .reserve: reserve(unknown)
        case .commit: settle(.commit, unknown)
        case .cancel: settle(.cancel, unknown)
        default: return false
        }
        return true
    }

    /// CHECK, PEEK, RECORD and REFUND. Takes from the request only what it needs: a copy of the whole would cost as much as the
    /// rest of this.
    private func submit(_ verb: OperationVerb, _ unknown: LedgerFailure?) {
        if let usedAt = reader.request.usedAt, let fault = worker.fault(of: usedAt) { return refuse(fault) }
        let names = ScopeResolver.Names(
            fields: reader.request.scopes, roles: reader.request.roles, email: reader.request.email)
        guard worker.resolve(names, of: reader.request.bytes, unknown) else {
            return awaitScopes()
        }
        if let conflict = worker.partitionConflict { return refuse(conflict) }
        var amounts = reader.request.amounts
        if verb.isDecision, amounts.requests == nil { amounts.requests = 1 }
        let terms = reader.request.id == nil ? nil : OperationTerms.once(IdempotencyKey(verb, reader.request))
        if let unknown {
            return worker.ledger.fail(
                verb, amounts, on: worker.plans, terms: terms, usedAt: reader.request.usedAt,
                traits: worker.resolver.traits, with: unknown, for: self, ticket: reserveReply())
        }
        worker.ledger.submit(
            verb, amounts, on: worker.plans, terms: terms, usedAt: reader.request.usedAt,
            traits: worker.resolver.traits, for: self, ticket: reserveReply())
    }

    /// Without a connection nobody waits, but for the first: what comes together in an outage is kept together.
    private func awaitScopes() {
        let ledger = worker.ledger
        if ledger.isReady || ledger.isStarting || worker.resolver.mustWaitForBatch {
            wait(for: worker.resolver.unknown)
        } else {
            goOn(without: ledger.noConnection)
        }
    }

    private func reserve(_ unknown: LedgerFailure?) {
        let request = reader.request
        let names = ScopeResolver.Names(fields: request.scopes, roles: request.roles, email: request.email)
        guard worker.resolve(names, of: request.bytes, unknown) else { return awaitScopes() }
        if let conflict = worker.partitionConflict { return refuse(conflict) }
        let (amounts, reservation) = worker.reservation(for: request)
        if let unknown {
            return worker.ledger.fail(
                .reserve, amounts, on: worker.plans, terms: .reserving(reservation), traits: worker.resolver.traits,
                with: unknown, for: self, ticket: reserveReply())
        }
        worker.ledger.submit(
            .reserve, amounts, on: worker.plans, terms: .reserving(reservation), traits: worker.resolver.traits,
            for: self, ticket: reserveReply())
    }

    /// COMMIT and CANCEL. `hasReadKeys`: whether the keys of tokens have just been read for this request.
    private func settle(_ verb: OperationVerb, _ unknown: LedgerFailure?, hasReadKeys: Bool = false) {
        let request = reader.request
        let settled: Worker.Settled
        do throws(Worker.SettlingFault) {
            settled = try worker.reservation(settledBy: request)
        } catch {
            switch error {
            case .refused(let error): return refuse(error)
            case .unknownKey where hasReadKeys: return refuse(Worker.SettlingFault.notAReservation)
            case .unknownKey: return readKeys(thenSettle: verb)
            }
        }
        guard worker.resolve(settled.names, of: settled.bytes, keepsInert: true, unknown) else {
            return awaitScopes()
        }
        if let conflict = worker.partitionConflict { return refuse(conflict) }
        if let unknown {
            return worker.ledger.fail(
                verb, request.amounts, on: worker.plans, terms: .ending(settled.reservation),
                traits: worker.resolver.traits, with: unknown, for: self, ticket: reserveReply())
        }
        worker.ledger.submit(
            verb, request.amounts, on: worker.plans, terms: .ending(settled.reservation),
            traits: worker.resolver.traits, for: self, ticket: reserveReply())
    }

    /// Another sidecar may have made the key since they were read last.
    private func readKeys(thenSettle verb: OperationVerb) {
        wait({ worker.ledger.keyring.read(completion: $0) }) { [self] failure in
            if let failure { return refuse(RequestError(failure)) }
            settle(verb, nil, hasReadKeys: true)
        }
    }
}
