import NIOCore

/// Calls of functions. What Redis does not have is loaded; where it lets us have no functions, scripts do the same.
extension RedisLink {
    /// How often a function or a script is loaded for one call: Redis may be made to forget it again in between.
    static let maxLoads = 5

    /// A call on its way.
    private struct FunctionCall {
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

    private func loadLibrary(for call: FunctionCall) {
        send("FUNCTION", "LOAD", call.function.library.source) { result in
            guard case .success(let reply) = result, self.isReady, call.isWanted() else {
                return call.completion(result)
            }
            // Another connection may have been faster.
            guard case .error(let sentence) = reply, !sentence.hasSuffix("already exists") else {
                return self.callFunction(call.loadedAgain)
            }
            // A Redis that takes no writes takes no library either, but may run a script that only reads.
            if RedisErrorReply(sentence).deniesFunctions { self.giveUpFunctions(sentence) }
            self.callScript(call)
        }
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
        send("SCRIPT", "LOAD", call.function.script) { result in
            guard case .success(.bulk(let sha)) = result, call.isWanted() else { return call.completion(result) }
            self.scripts[call.function.name] = String(buffer: sha)
            self.callScript(call.loadedAgain)
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
