import NIOCore

/// Calls of functions. What Redis does not have is loaded; where it lets us have no functions, scripts do the same.
extension RedisLink {
    /// How often a function or a script is loaded for one call: Redis may be made to forget it again in between.
    static let maxLoads = 5

    /// A call on its way.
    struct FunctionCall {
        let function: RedisFunction
        let arguments: RedisFunctionArguments
        let isWanted: () -> Bool
        let completion: Completion
        var loads = 0

        /// The same call, after one loading more.
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
    /// - Parameter isWanted: Whether the call may still be sent again. What has been given up meanwhile must not be carried
    ///   out later.
    package func call(
        _ function: RedisFunction, _ arguments: RedisFunctionArguments, isWanted: @escaping () -> Bool = { true },
        completion: @escaping Completion
    ) {
        let call = FunctionCall(function: function, arguments: arguments, isWanted: isWanted, completion: completion)
        usesFunctions ? callFunction(call) : callScript(call)
    }

    private func callFunction(_ call: FunctionCall) {
        send(call.arguments, behind: call.function.head(argumentCount: call.arguments.count)) { result in
            guard case .success(.error(let sentence)) = result, call.isWanted() else { return call.completion(result) }
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
        send("FUNCTION", "LOAD", library.source) { _ in }
    }

    /// Loads the library once for all calls that have met its absence: it is long, and there may be thousands of them.
    private func loadLibrary(for call: FunctionCall) {
        let name = call.function.library.name
        waitingForLoad[name, default: []].append(call)
        guard waitingForLoad[name]?.count == 1 else { return }
        send("FUNCTION", "LOAD", call.function.library.source) { result in
            for call in self.waitingForLoad.removeValue(forKey: name) ?? [] { self.libraryLoaded(result, call) }
        }
    }

    private func libraryLoaded(_ result: Result<RedisReply, RedisError>, _ call: FunctionCall) {
        guard case .success(let reply) = result, isReady, call.isWanted() else { return call.completion(result) }
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
        send(call.arguments, behind: head) { result in
            guard case .success(.error(let sentence)) = result, RedisErrorReply(sentence).isScriptMissing,
                call.loads < Self.maxLoads, call.isWanted()
            else { return call.completion(result) }
            self.loadScript(for: call)
        }
    }

    private func loadScript(for call: FunctionCall) {
        let name = call.function.name
        waitingForLoad[name, default: []].append(call)
        guard waitingForLoad[name]?.count == 1 else { return }
        send("SCRIPT", "LOAD", call.function.script) { result in
            if case .success(.bulk(let sha)) = result { self.scripts[name] = String(buffer: sha) }
            for call in self.waitingForLoad.removeValue(forKey: name) ?? [] {
                guard case .success(.bulk) = result, call.isWanted() else {
                    call.completion(result)
                    continue
                }
                self.callScript(call.loadedAgain)
            }
        }
    }

    private func send(
        _ arguments: RedisFunctionArguments, behind head: ByteBuffer, completion: @escaping Completion
    ) {
        guard isReady, let connection else { return completion(.failure(.notConnected)) }
        connection.channel.write(head, promise: nil)
        send(arguments.bytes, completion: completion)
    }

    private func send(_ words: String..., completion: @escaping Completion) {
        var command = ByteBuffer()
        RedisCommand.encode(words, into: &command)
        send(command, completion: completion)
    }

    private func giveUpFunctions(_ sentence: String) {
        guard usesFunctions else { return }
        usesFunctions = false
        onFunctionsDenied?(sentence)
    }
}
