package import NIOCore

/// Function calls. Missing libraries are loaded, and scripts replace functions where Redis denies them.
extension RedisLink {
    /// The maximum number of loads for one call: Redis may be flushed again between the load and the call.
    static let maxLoads = 5

    /// A call in progress.
    struct FunctionCall {
        let function: RedisFunction
        let arguments: RedisFunctionArguments
        /// The time after which the call fails and is not sent again.
        let deadline: NIODeadline?
        let completion: Completion
        var loads = 0

        /// Whether the deadline has passed.
        var isExpired: Bool { deadline.map { $0 <= .now() } ?? false }

        /// A copy of the call that counts one more load.
        var countingLoad: Self {
            var call = self
            call.loads += 1
            return call
        }
    }

    /// Calls a Redis function. Loads its library first where Redis does not have it.
    ///
    /// Where Redis rejects the library, the function's script is called instead. Where Redis denies functions altogether,
    /// the connection calls only scripts from then on.
    ///
    /// - Parameter deadline: The time after which the call fails with ``RedisError/timedOut``. It includes the time for
    ///   loading the library: an expired call is never executed afterwards.
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
                self.disableFunctions(sentence)
                self.callScript(call)
            } else {
                call.completion(result)
            }
        }
    }

    /// Loads a library before the first call. The reply is ignored: Redis usually has the library already, and the first
    /// call detects denied functions.
    func preload(_ library: RedisLibrary) {
        send(["FUNCTION", "LOAD", library.source]) { _ in }
    }

    /// Loads the library once for all calls that need it: its text is long, and there may be thousands of calls.
    private func loadLibrary(for call: FunctionCall) {
        let name = call.function.library.name
        guard awaitLoad(of: name, call) else { return }
        send(["FUNCTION", "LOAD", call.function.library.source]) { result in
            for call in self.waitingForLoad.removeValue(forKey: name) ?? [] { self.libraryLoaded(result, call) }
        }
    }

    private func libraryLoaded(_ result: Result<RedisReply, RedisError>, _ call: FunctionCall) {
        guard !call.isExpired else { return call.completion(.failure(.timedOut)) }
        guard case .success(let reply) = result, isReady else { return call.completion(result) }
        // Another connection may have loaded it first.
        guard case .error(let sentence) = reply, !sentence.hasSuffix("already exists") else {
            return callFunction(call.countingLoad)
        }
        // A Redis that rejects writes also rejects libraries, but may run a read-only script.
        if RedisErrorReply(sentence).deniesFunctions { disableFunctions(sentence) }
        callScript(call)
    }

    /// Calls the script of the function. Loads it first to get its SHA-1.
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
        guard awaitLoad(of: name, call) else { return }
        send(["SCRIPT", "LOAD", call.function.script]) { result in
            if case .success(.bulk(let sha)) = result { self.scripts[name] = String(buffer: sha) }
            for call in self.waitingForLoad.removeValue(forKey: name) ?? [] {
                if call.isExpired {
                    call.completion(.failure(.timedOut))
                } else if case .success(.bulk) = result {
                    self.callScript(call.countingLoad)
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

    /// Adds a call to those that wait for a library or a script. Returns whether the caller has to load it.
    private func awaitLoad(of name: String, _ call: FunctionCall) -> Bool {
        waitingForLoad[name, default: []].append(call)
        if let deadline = call.deadline { scheduleDeadlineCheck(at: deadline) }
        return waitingForLoad[name]?.count == 1
    }

    /// The earliest deadline of the calls that wait for a library or a script; nil for none.
    var earliestDeadlineOfWaiting: NIODeadline? {
        waitingForLoad.isEmpty ? nil : waitingForLoad.values.joined().compactMap(\.deadline).min()
    }

    /// Fails the expired calls among those that wait for a library or a script.
    func expireWaiting() {
        guard !waitingForLoad.isEmpty else { return }
        let expired = waitingForLoad.values.joined().filter(\.isExpired)
        waitingForLoad = waitingForLoad.mapValues { $0.filter { !$0.isExpired } }.filter { !$0.value.isEmpty }
        for call in expired { call.completion(.failure(.timedOut)) }
    }

    private func disableFunctions(_ sentence: String) {
        guard usesFunctions else { return }
        usesFunctions = false
        onFunctionsDenied?(sentence)
    }
}
