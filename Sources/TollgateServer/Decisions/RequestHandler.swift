import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateWire

/// A source of requests: a client's session, or a call from within this process. Lives on its worker's event loop.
///
/// The path of a request has no task, no dictionary and no log call.
protocol RequestHandler: OperationDelegate {
    var worker: Worker { get }
    /// The reader that holds the current request until it has been handled.
    var reader: RequestReader { get }
    /// The format of replies.
    var framing: Framing { get }
    /// The client's connection; nil for a call from within this process.
    var session: Session? { get }
    /// The time at which the current request was read.
    var arrival: NIODeadline { get }

    /// Reserves the next position among the replies. Returns its ticket.
    func reserveReply() -> Int
    /// Writes the reply of a ticket.
    func fill(_ ticket: Int, _ write: (inout ByteBuffer) -> Void)
    /// Folds the ids of these kinds in the current request to lower case.
    func foldCase(of kinds: Set<String>)
    /// Adds a scope to those of the current request. Returns false if there is no room for another one.
    func addScope(_ text: [UInt8]) -> Bool
    /// Replies to the current request with an error.
    func refuse(_ error: RequestError)
    /// Dispatches the current request again once these scopes have been looked up; without scopes, once the filling
    /// batch has been sent. Calls `onFailure` instead where the lookup fails.
    func wait(for scopes: [Scope], onFailure: @escaping (LedgerFailure) -> Void)
    /// Calls `resume` when the work that `begin` starts has called back. Handles no other request meanwhile.
    func wait(_ begin: (@escaping (LedgerFailure?) -> Void) -> Void, resume: @escaping (LedgerFailure?) -> Void)
}

// MARK: - Dispatch

extension RequestHandler {
    /// Carries out the current request. The only switch over verbs that does so.
    func dispatch(_ verb: Verb) {
        switch verb {
        case .check: submit(.check)
        case .peek: submit(.peek)
        case .record: submit(.record)
        case .refund: submit(.refund)
        case .reserve: reserve()
        case .commit: endReservation(.commit)
        case .cancel: endReservation(.cancel)
        case .usage: onConnection { $0.usage(reader.request) }
        case .info: onConnection { $0.info() }
        case .status: onConnection { $0.status() }
        case .help: onConnection { $0.help() }
        case .ping: onConnection { $0.ping(reader.request) }
        case .auth: onConnection { $0.authenticate(reader.request) }
        case .alerts: onConnection { $0.subscribe(reader.request) }
        case .echo: onConnection { $0.echo(reader.request) }
        case .quit: onConnection { $0.quit() }
        case .hello: onConnection { $0.hello(reader.request) }
        case .client: onConnection { $0.client(reader.request) }
        case .command: onConnection { $0.command(reader.request) }
        case .select: onConnection { $0.replyOK() }
        case .multi, .exec, .discard: onConnection { $0.refuseTransaction(verb) }
        }
    }

    /// Verbs that need a client's connection are refused to calls from within this process.
    private func onConnection(_ body: (Session) -> Void) {
        guard let session else {
            return refuse(RequestError(.unknownVerb, "\(reader.request.verb.name): requires a client connection"))
        }
        body(session)
    }

    // MARK: - Operations

    /// Submits a CHECK, PEEK, RECORD or REFUND. Reads single fields of the request: a copy of the whole would cost as
    /// much as the rest.
    private func submit(_ verb: OperationVerb) {
        if let usedAt = reader.request.usedAt, let fault = worker.fault(of: usedAt) { return refuse(fault) }
        if worker.bindings != nil, let error = addBoundAccount() { return refuse(error) }
        let names = ScopeResolver.Names(
            fields: reader.request.scopes, roles: reader.request.roles, email: reader.request.email)
        guard worker.resolve(names, of: reader.request.bytes, for: verb.isDecision ? .decision : .usage) else {
            if let fault = worker.resolver.currentFault { return handle(fault) }
            return lookUpScopes { [self] failure in
                let request = reader.request
                guard let priced = priced(amounts(of: verb), of: verb) else { return }
                fail(
                    verb, priced.amounts, names, request.bytes, terms(of: verb), usedAt: request.usedAt,
                    with: failure, for: priced.delegate)
            }
        }
        if let conflict = worker.partitionConflict { return refuse(conflict) }
        guard worker.pricer != nil else {
            return worker.ledger.submit(
                verb, amounts(of: verb), on: worker.plans, terms: terms(of: verb), usedAt: reader.request.usedAt,
                traits: worker.resolver.traits, arrival: arrival, for: self, ticket: reserveReply())
        }
        submitPriced(verb)
    }

    @inline(__always)
    func amounts(of verb: OperationVerb) -> Amounts {
        var amounts = reader.request.amounts
        if verb.isDecision, amounts.requests == nil { amounts.requests = 1 }
        return amounts
    }

    @inline(__always)
    func terms(of verb: OperationVerb) -> OperationTerms? {
        guard reader.request.id != nil else { return nil }
        var key = IdempotencyKey(verb, reader.request)
        if worker.pricer != nil { describePrice(&key) }
        return .once(key)
    }

    private func reserve() {
        if worker.bindings != nil, let error = addBoundAccount() { return refuse(error) }
        let request = reader.request
        let names = ScopeResolver.Names(fields: request.scopes, roles: request.roles, email: request.email)
        guard worker.resolve(names, of: request.bytes, for: .reservation) else {
            if let fault = worker.resolver.currentFault { return handle(fault) }
            return lookUpScopes { [self] failure in
                guard let (amounts, delegate) = priced(amounts(of: .reserve), of: .reserve) else { return }
                let reservation = worker.reservation(for: request, of: amounts)
                fail(
                    .reserve, amounts, names, request.bytes, .reserving(reservation), with: failure, for: delegate)
            }
        }
        if let conflict = worker.partitionConflict { return refuse(conflict) }
        guard let (amounts, delegate) = priced(amounts(of: .reserve), of: .reserve) else { return }
        let reservation = worker.reservation(for: request, of: amounts)
        worker.ledger.submit(
            .reserve, amounts, on: worker.plans, terms: .reserving(reservation), traits: worker.resolver.traits,
            arrival: arrival, for: delegate, ticket: reserveReply())
    }

    /// Adds the account that is bound to the current request's provider to the request's scopes, if it names none. So all
    /// that follows, also a reservation and its COMMIT, treats the account like a named one. Returns the error of a
    /// request without room for it.
    ///
    /// A request that is dispatched again has the account already, also if the policy has changed meanwhile.
    @inline(never)
    private func addBoundAccount() -> RequestError? {
        guard let account = worker.bindings?.account(for: reader.request), !addScope(account) else { return nil }
        return RequestError(
            .badRequest,
            "provider: more than \(Request.maxScopes) scopes with the account that is bound to it; expected one less")
    }

    /// Submits a COMMIT or CANCEL.
    ///
    /// - Parameter hasReadKeys: Whether the keys of tokens have just been read for this request.
    private func endReservation(_ verb: OperationVerb, hasReadKeys: Bool = false) {
        let request = reader.request
        let named: Worker.NamedReservation
        do throws(Worker.ReservationFault) {
            named = try worker.reservation(namedBy: request)
        } catch {
            switch error {
            case .refused(let error): return refuse(error)
            case .unknownKey where hasReadKeys: return refuse(Worker.ReservationFault.notAReservation)
            case .unknownKey: return readKeys(thenEndReservation: verb)
            }
        }
        guard worker.resolve(named.names, of: named.bytes, for: .end) else {
            return lookUpScopes { [self] failure in
                guard let (amounts, delegate) = priced(request, endingWith: verb, named) else { return }
                fail(
                    verb, amounts, named.names, named.bytes, .ending(named.reservation), with: failure,
                    for: delegate)
            }
        }
        if let conflict = worker.partitionConflict { return refuse(conflict) }
        guard let (amounts, delegate) = priced(request, endingWith: verb, named) else { return }
        worker.resolver.cache.noteUses(of: worker.plans)
        worker.ledger.submit(
            verb, amounts, on: worker.plans, terms: .ending(named.reservation), traits: worker.resolver.traits,
            arrival: arrival, for: delegate, ticket: reserveReply())
    }

    /// Reads the keys of reservation tokens: another sidecar may have created the key since the last reading.
    private func readKeys(thenEndReservation verb: OperationVerb) {
        wait({ worker.ledger.keyring.read(completion: $0) }) { [self] failure in
            if let failure { return refuse(RequestError(failure)) }
            endReservation(verb, hasReadKeys: true)
        }
    }

    // MARK: - Scopes that are not carried out

    /// Refuses the current request because of its scopes, or dispatches it again with its ids in lower case.
    private func handle(_ fault: ScopeResolver.Fault) {
        let verb = reader.request.verb
        switch fault {
        case .unknownKind(let kind): refuse(RequestError(unknownKind: kind, of: verb, worker.resolver.cache.knownKinds))
        case .namesNoScope: refuse(.namesNoScope(verb))
        case .needsFolding:
            foldCase(of: worker.resolver.cache.knownKinds.folded)
            dispatch(verb)
        }
    }

    // MARK: - Lookups

    /// Looks up the scopes that the resolver misses, and then dispatches the request again.
    ///
    /// Without a connection to Redis the lookup fails immediately, except before the first attempt to connect has
    /// ended: writes that come together in an outage are journaled together.
    private func lookUpScopes(onFailure: @escaping (LedgerFailure) -> Void) {
        let ledger = worker.ledger
        if ledger.isReady || ledger.isStarting || worker.resolver.mustWaitForBatch {
            wait(for: worker.resolver.scopesToLookUp, onFailure: onFailure)
        } else {
            onFailure(ledger.noConnection)
        }
    }

    /// Answers or journals an operation whose scopes could not be looked up, by what the cache knows of them.
    private func fail(
        _ verb: OperationVerb, _ amounts: Amounts, _ names: ScopeResolver.Names, _ bytes: GrowingBytes,
        _ terms: OperationTerms?, usedAt: Int64? = nil, with lookupFailure: LedgerFailure,
        for delegate: any OperationDelegate
    ) {
        if verb != .commit, verb != .cancel, let error = worker.resolver.undecidedKind(in: names, bytes) {
            return refuse(error)
        }
        worker.resolveFromCache(names, of: bytes)
        if let conflict = worker.partitionConflict { return refuse(conflict) }
        worker.ledger.fail(
            verb, amounts, on: worker.plans, terms: terms, usedAt: usedAt, traits: worker.resolver.traits,
            with: lookupFailure, arrival: arrival, for: delegate, ticket: reserveReply())
    }
}

// MARK: - Answers

extension RequestHandler {
    func ledgerAnswered(ticket: Int, with answer: borrowing Answer) {
        self.answer(ticket, with: answer, nil)
    }

    /// Writes the reply to an operation, with its price if it has one.
    @inline(__always)
    func answer(_ ticket: Int, with answer: borrowing Answer, _ price: Pricer.Price?) {
        if let error = RequestError(answer) { return fillError(ticket, error) }
        worker.ledger.tally.count(answer)
        let isDecision = answer.outcome == .allow || answer.outcome == .deny
        fill(ticket) { buffer in
            guard isDecision else {
                framing.beginReply(&buffer)
                DecisionText.write(answer, to: &buffer)
                if let price, answer.outcome != .duplicate { write(price, to: &buffer) }
                return framing.endReply(&buffer)
            }
            let start = framing.beginDecision(&buffer)
            DecisionText.write(answer, to: &buffer)
            if let price { write(price, to: &buffer) }
            framing.endDecision(from: start, &buffer)
        }
    }

    private func fillError(_ ticket: Int, _ error: RequestError) {
        worker.countError(error.code)
        fill(ticket) { framing.writeError(error, to: &$0) }
    }

    /// Applies the rules for an outage: a decision is allowed if none of its limits fails closed. An error of the
    /// script or of the sidecar itself never allows a request.
    func ledgerFailed(ticket: Int, of operation: FailedOperation, with failure: LedgerFailure) {
        fail(ticket, of: operation, with: failure, nil)
    }

    /// Writes the reply to an operation that Redis did not answer, with its price if it has one.
    func fail(_ ticket: Int, of operation: FailedOperation, with failure: LedgerFailure, _ price: Pricer.Price?) {
        fill(ticket) { buffer in
            guard operation.verb.isDecision, failure.isOutage else { return writeError(failure, to: &buffer) }
            // A decision needs no distinction between an outage and a timeout. A RECORD does: after a timeout it may
            // have been applied.
            guard !operation.failsClosed else { return writeError(failure.asUnavailable, to: &buffer) }
            worker.ledger.tally.count(.degraded, of: operation.verb)
            let start = framing.beginDecision(&buffer)
            let ledger = worker.ledger
            let reservation = operation.terms?.reserving?.made(at: ledger.redisTime, requests: 0)
            DecisionText.writeDegraded(token: reservation.map { ledger.keyring.tokens.token(of: $0) }, to: &buffer)
            if let price { write(price, to: &buffer) }
            framing.endDecision(from: start, &buffer)
        }
    }

    func writeError(_ failure: LedgerFailure, to buffer: inout ByteBuffer) {
        let error = RequestError(failure)
        worker.countError(error.code)
        framing.writeError(error, to: &buffer)
    }
}
