import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateRedis

/// Calls the batch function in Redis with one operation each: the best an app can do that shares batches with no other.
struct DirectDialect: Dialect {
    private let scopes: DirectScopes
    private let reader: RedisReplyReader
    private var handshake: RedisHandshake
    /// The limit sets that this connection has sent.
    private var knownSets: Set<[UInt8]> = []
    private var greeting = Greeting.handshake
    /// Whether this connection loads the batch function for all connections.
    private var loads = false
    /// Redis's error in reply to FUNCTION LOAD.
    private var refusal: String?

    private enum Greeting {
        case handshake
        case library
        case script
        case done
    }

    init(address: RedisAddress, scopes: DirectScopes) throws {
        self.scopes = scopes
        reader = try RedisReplyReader()
        handshake = RedisHandshake(address: address)
    }

    var isGreeted: Bool { greeting == .done }

    mutating func writeGreeting(into buffer: inout ByteBuffer) -> Bool {
        handshake.encode(into: &buffer)
        // No connection sends a request before all handshakes are complete.
        guard !scopes.isLoading else { return true }
        (scopes.isLoading, loads) = (true, true)
        RedisCommand.encode("FUNCTION", "LOAD", RedisLibrary.tollgate.source, into: &buffer)
        RedisCommand.encode("SCRIPT", "LOAD", Ledger.batchFunction.script, into: &buffer)
        return true
    }

    mutating func write(_ call: Workload.Call, into buffer: inout ByteBuffer) {
        var amounts = call.amounts
        if call.verb.isDecision { amounts.requests = 1 }
        var encoder = BatchEncoder(number: scopes.nextBatchNumber(), keySpace: scopes.keySpace)
        encoder.append(call.verb, amounts, on: scopes.plans(for: call))
        // Without functions, the script has no state between calls, so each call sends its limit sets.
        let isKept = scopes.script == nil
        let arguments = encoder.arguments(at: scopes.now) { isKept && !knownSets.insert($0.id).inserted }
        let head =
            scopes.script.map { RedisFunction.head(ofScript: $0, argumentCount: arguments.count) }
            ?? Ledger.batchFunction.head(argumentCount: arguments.count)
        buffer.writeImmutableBuffer(head)
        buffer.writeImmutableBuffer(arguments.bytes)
    }

    mutating func read(_ bytes: ByteBuffer, _ onReply: (ReplyKind) -> Void) throws {
        try reader.feed(bytes)
        while let reply = try reader.next() {
            if isGreeted { onReply(Self.kind(of: reply)) } else { try greeted(with: reply) }
        }
    }

    private mutating func greeted(with reply: RedisReply) throws {
        switch greeting {
        case .handshake:
            switch handshake.receive(reply) {
            case .underWay: return
            case .complete: greeting = loads ? .library : .done
            case .refused(let outage): throw OperatorError(outage.reason)
            }
        case .library:
            if case .error(let sentence) = reply, !sentence.hasSuffix("already exists") { refusal = sentence }
            greeting = .script
        case .script:
            if let refusal {
                guard case .bulk(let sha) = reply else { throw OperatorError("FUNCTION LOAD: \(refusal)") }
                scopes.script = String(buffer: sha)
            }
            greeting = .done
        case .done: return
        }
    }

    private static func kind(of reply: RedisReply) -> ReplyKind {
        switch reply {
        case .error(let sentence): return .error(String(sentence.prefix { $0 != " " }))
        case .bulk(let bytes):
            switch BatchReply.firstOutcome(of: bytes) {
            case .allow: return .allow
            case .deny: return .deny
            case .ok: return .ok
            case .broken, .overfull: return .error("broken")
            case .conflict: return .error("conflict")
            case .duplicate, .late, .queued: return .ok
            case nil: return .error("not_applied")
            }
        default: return .error("unexpected")
        }
    }
}
