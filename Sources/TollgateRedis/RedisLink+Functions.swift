package import NIOCore

/// Calls of functions. What Redis does not have is loaded; where it lets us have no functions, scripts do the same.
extension RedisLink {
    /// How often a function or a script is loaded for one call: Redis may be made to forget it again in between.
    static let maxLoads = 5

    /// A call on its way.
    struct FunctionCall {
        let function: RedisFunction
        let arguments: RedisFunctionArguments
        /// The time after which the call is neither awaited nor sent again.
        let deadline: NIODeadline?
        let completion: Completion
        var loads = 0

        /// Whether the deadline has passed.
        var isExpired: Bool { deadline.map { $0 <= .now() } ?? false }

        /// The call after one more load.
        var loadedAgain: Self {
            var call = self
            call.loads += 1
            return call
        }
    }

    /// Calls a function of Redis, and loads its library where Redis does not have it.
    ///
    /// Where Redis refuses the library, the function's script is called instead. Where it refuses functions altogether, scripts are
    /// called for as long as the connection lives.
    ///
    /// - Parameter deadline: The time after which the call fails with ``RedisError/timedOut``. It includes the time for
    ///   loading the library: a call that its caller has given up is not carried out later.
    package func call(
        _ function: RedisFunction, _ arguments: RedisFunctionArguments, deadline: NIODeadline? = nil,
        completion: @escaping Completion
    ) {
        let call = FunctionCall(function: function, arguments: arguments, deadline: deadline, completion: completion)
        usesFunctions ? callFunction(call) : callScript(call)
    }

    private func callFunction(_ call: FunctionCall) {
        send(call, behind: call.function.head(argumentCount: call.arguments.count)) { result in
            guard case .success(.error(let sentence)) = result, !call.isExpired else { return call.completion(result) }
            if RedisErrorReply(sentence).isFunctionMissing, call.loads < Self.maxLoads {
                self.loadLibrary(for: call)
            } else if RedisErrorReply(sentence).deniesFunctions {
                self.giveUpFunctions(sentence)
                self.callScript(call)
            } else {
                call.completion(result)
            }
        }
    }

    /// Loads a library before anything is called. What Redis says is of no matter: most often it has the library, and where it denies
    /// functions the first call finds out.
    func offer(_ library: RedisLibrary) {
        send(["FUNCTION", "LOAD", library.source]) { _ in }
    }

    /// Loads the library once for all calls that have met its absence: it is long, and there may be thousands of them.
    private func loadLibrary(for call: FunctionCall) {
        let name = call.function.library.name
        guard wait(for: name, call) else { return }
        send(["FUNCTION", "LOAD", call.function.library.source]) { result in
            for call in self.waitingForLoad.removeValue(forKey: name) ?? [] { self.libraryLoaded(result, call) }
        }
    }

    private func libraryLoaded(_ result: Result<RedisReply, RedisError>, _ call: FunctionCall) {
        guard !call.isExpired else { return call.completion(.failure(.timedOut)) }
        guard case .success(let reply) = result, isReady else { return call.completion(result) }
        // Another connection may have been faster.
        guard case .error(let sentence) = reply, !sentence.hasSuffix("already exists") else {
            return callFunction(call.loadedAgain)
        }
        // A Redis that takes no writes takes no library either, but may run a script that only reads.
        if RedisErrorReply(sentence).deniesFunctions { giveUpFunctions(sentence) }
        callScript(call)
    }

    /// Redis names a script when it is loaded.
    private func callScript(_ call: FunctionCall) {
        guard let sha = scripts[call.function.name] else { return loadScript(for: call) }
        let head = RedisFunction.head(ofScript: sha, argumentCount: call.arguments.count)
        send(call, behind: head) { result in
            guard case .success(.error(let sentence)) = result, RedisErrorReply(sentence).isScriptMissing,
                call.loads < Self.maxLoads, !call.isExpired
            else { return call.completion(result) }
            self.loadScript(for: call)
        }
    }

    private func loadScript(for call: FunctionCall) {
        let name = call.function.name
        guard wait(for: name, call) else { return }
        send(["SCRIPT", "LOAD", call.function.script]) { result in
            if case .success(.bulk(let sha)) = result { self.scripts[name] = String(buffer: sha) }
            for call in self.waitingForLoad.removeValue(forKey: name) ?? [] {
                if call.isExpired {
                    call.completion(.failure(.timedOut))
                } else if case .success(.bulk) = result {
                    self.callScript(call.loadedAgain)
                } else {
                    call.completion(result)
                }
            }
        }
    }

    private func send(_ call: FunctionCall, behind head: ByteBuffer, completion: @escaping Completion) {
        guard isReady, let connection else { return completion(.failure(.notConnected)) }
        connection.channel.write(head, promise: nil)
        send(call.arguments.bytes, deadline: call.deadline, completion: completion)
    }

    /// Adds a call to those that wait for a library or a script. Returns whether it has to be loaded for them.
    private func wait(for name: String, _ call: FunctionCall) -> Bool {
        waitingForLoad[name, default: []].append(call)
        if let deadline = call.deadline { scheduleDeadlineCheck(at: deadline) }
        return waitingForLoad[name]?.count == 1
    }

    /// The earliest deadline of the calls that wait for a library or a script.
    var earliestDeadlineOfWaiting: NIODeadline? {
        waitingForLoad.isEmpty ? nil : waitingForLoad.values.joined().compactMap(\.deadline).min()
    }

    /// Fails the calls that wait for a library or a script and whose deadline has passed.
    func expireWaiting() {
        guard !waitingForLoad.isEmpty else { return }
        let expired = waitingForLoad.values.joined().filter(\.isExpired)
        waitingForLoad = waitingForLoad.mapValues { $0.filter { !$0.isExpired } }.filter { !$0.value.isEmpty }
        for call in expired { call.completion(.failure(.timedOut)) }
    }

    private func giveUpFunctions(_ sentence: String) {
        guard usesFunctions else { return }
        usesFunctions = false
        onFunctionsDenied?(sentence)
    }
}
