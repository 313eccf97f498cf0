import Foundation
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
    private var step = Step.handshake
    /// Whether this connection loads the batch function for all connections.
    private var loads = false
    /// Redis's error in reply to FUNCTION LOAD.
    private var refusal: String?

    private enum Step {
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

    var isReady: Bool { step == .done }

    mutating func writeHandshake(into buffer: inout ByteBuffer) -> Bool {
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
        let keepsLimitSets = scopes.script == nil
        let arguments = encoder.arguments(at: scopes.now) { keepsLimitSets && !knownSets.insert($0.id).inserted }
        let head =
            scopes.script.map { RedisFunction.head(ofScript: $0, argumentCount: arguments.count) }
            ?? Ledger.batchFunction.head(argumentCount: arguments.count)
        buffer.writeImmutableBuffer(head)
        buffer.writeImmutableBuffer(arguments.bytes)
    }

    mutating func read(_ bytes: ByteBuffer, _ onReply: (ReplyKind) -> Void) throws {
        try reader.feed(bytes)
        while let reply = try reader.next() {
            if isReady { onReply(Self.kind(of: reply)) } else { try receiveHandshake(reply) }
        }
    }

    private mutating func receiveHandshake(_ reply: RedisReply) throws {
        switch step {
        case .handshake:
            switch handshake.receive(reply) {
            case .underWay: return
            case .complete: step = loads ? .library : .done
            case .refused(let outage): throw OperatorError(outage.reason)
            }
        case .library:
            if case .error(let sentence) = reply, !sentence.hasSuffix("already exists") { refusal = sentence }
            step = .script
        case .script:
            if let refusal {
                guard case .bulk(let sha) = reply else { throw OperatorError("FUNCTION LOAD: \(refusal)") }
                scopes.script = String(buffer: sha)
            }
            step = .done
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
            case .broken, .overfull, .brokenHolds: return .error("broken")
            case .conflict: return .error("conflict")
            case .duplicate, .late, .queued: return .ok
            case nil: return .error("not_applied")
            }
        default: return .error("unexpected")
        }
    }
}

/// State that the connections of one event loop share: the scope plans of a workload, the time, and whether the batch
/// function is loaded. Owned by that loop.
final class DirectScopes {
    let keySpace: KeySpace
    private let cache: ScopePlanCache
    private var users: [[ScopePlan]?]
    private let tools: [[ScopePlan]]
    private let providers: [[ScopePlan]]
    private let composites: [ScopeKind]
    private let global: [ScopePlan]
    private var batches = 0
    /// Whether a connection loads or has loaded the batch function.
    var isLoading = false
    /// The SHA-1 of the script, if Redis denies functions.
    var script: String?
    /// Reused, so that a request allocates no array.
    private var plansOfCall: [ScopePlan] = []
    /// Unix time in milliseconds at the start of the run. Only the calendar periods of requests depend on it.
    let now: Int64

    init(policy: Policy, namespace: String, workload: Workload.Settings) {
        keySpace = KeySpace(namespace: namespace, moneyUnit: policy.moneyUnit)
        let cache = ScopePlanCache(policy: policy, keySpace: keySpace, generationSize: .max)
        self.cache = cache
        composites = policy.compositeKinds.filter { Set($0.names).isSubset(of: ["user", "tool", "provider"]) }
        global = [cache.plan(for: .global)].filter { !$0.isInert }
        users = Array(repeating: nil, count: workload.users)
        tools = (0..<workload.tools).map { Self.plans(of: "tool", "t", $0, in: cache) }
        providers = (0..<workload.providers).map { Self.plans(of: "provider", "p", $0, in: cache) }
        now = Int64(Date.now.timeIntervalSince1970 * 1_000)
    }

    private func user(_ index: Int) -> [ScopePlan] {
        if let plans = users[index] { return plans }
        let plans = Self.plans(of: "user", "u", index, in: cache)
        users[index] = plans
        return plans
    }

    private static func plans(
        of kind: String, _ prefix: String, _ index: Int, in cache: ScopePlanCache
    ) -> [ScopePlan] {
        plans(of: "\(kind):\(prefix)\(index)", in: cache)
    }

    private static func plans(of text: String, in cache: ScopePlanCache) -> [ScopePlan] {
        guard let scope = try? Scope(parsing: text) else { return [] }
        let plan = cache.plan(for: scope)
        return plan.isInert ? [] : [plan]
    }

    /// Returns the composite scope of a call for a kind, such as `user:u1+tool:t2`.
    private static func composite(_ kind: ScopeKind, of call: Workload.Call) -> String {
        let ids = ["user": "u\(call.user)", "tool": "t\(call.tool)", "provider": "p\(call.provider)"]
        return kind.names.map { "\($0):\(ids[$0] ?? "")" }.joined(separator: "+")
    }

    func nextBatchNumber() -> Int {
        batches += 1
        return batches
    }

    func plans(for call: Workload.Call) -> [ScopePlan] {
        plansOfCall.removeAll(keepingCapacity: true)
        plansOfCall.append(contentsOf: user(call.user))
        plansOfCall.append(contentsOf: tools[call.tool])
        plansOfCall.append(contentsOf: providers[call.provider])
        for kind in composites {
            plansOfCall.append(contentsOf: Self.plans(of: Self.composite(kind, of: call), in: cache))
        }
        plansOfCall.append(contentsOf: global)
        return plansOfCall
    }
}
