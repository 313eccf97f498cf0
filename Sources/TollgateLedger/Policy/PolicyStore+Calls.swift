import LuaScripts
import NIOCore
package import TollgateRedis

/// From whichever task to the link's event loop and back.
extension PolicyStore {
    static let editScript = RedisScript(name: "policy_edit", source: LuaScripts.policyEdit)
    static let resetScript = RedisScript(name: "policy_reset", source: LuaScripts.policyReset)
    static let seenScript = RedisScript(name: "policy_seen", source: LuaScripts.policySeen)

    /// What a link for a store has to load.
    package static let scripts = [editScript, resetScript, seenScript]

    /// Sends commands right behind each other; their replies, in order. Errors of Redis are among them.
    func ask(_ commands: [[String]]) async throws(PolicyStoreError) -> [RedisReply] {
        guard !commands.isEmpty else { return [] }
        return try await call(expecting: commands.count) { link, call in
            for words in commands { link.send(Self.encoded(words)) { call.receive($0) } }
        }
    }

    /// The same for one command.
    func ask(_ words: String...) async throws(PolicyStoreError) -> RedisReply {
        try await ask([words])[0]
    }

    /// All of the commands at one moment.
    func askAtOnce(_ commands: [[String]]) async throws(PolicyStoreError) -> [RedisReply] {
        let replies = try await ask([["MULTI"]] + commands + [["EXEC"]])
        guard case .array(let items) = try replies[replies.count - 1].checked(of: "EXEC"), items.count == commands.count
        else { throw .unavailable("unexpected reply of Redis to EXEC") }
        return items
    }

    /// - Parameter isChange: Whether no reply is `.unknownOutcome`.
    func evaluate(
        _ script: RedisScript, keys: [String], arguments: [String], isChange: Bool = false
    ) async throws(PolicyStoreError) -> RedisReply {
        let words = ["EVALSHA", script.sha, "\(keys.count)"] + keys + arguments
        return try await call(expecting: 1, isChange: isChange) { link, call in
            link.evaluate(script, Self.encoded(words)) { call.receive($0) }
        }[0]
    }

    private func call(
        expecting count: Int, isChange: Bool = false, _ send: @escaping @Sendable (RedisLink, PolicyCall) -> Void
    ) async throws(PolicyStoreError) -> [RedisReply] {
        let outcome: PolicyCall.Outcome = await withCheckedContinuation { continuation in
            link.eventLoop.execute { [link, deadline] in
                let link = link.value
                guard link.isReady else {
                    return continuation.resume(returning: .failure(.unavailable(RedisError.notConnected.description)))
                }
                let call = PolicyCall(on: link, expecting: count, isChange: isChange, deadline: deadline) {
                    continuation.resume(returning: $0)
                }
                send(link, call)
            }
        }
        return try outcome.get()
    }

    private static func encoded(_ words: [String]) -> ByteBuffer {
        var buffer = ByteBuffer()
        RedisCommand.encode(words, into: &buffer)
        return buffer
    }
}
