import NIOCore
package import TollgateCore
package import TollgatePolicy
package import TollgateRedis

/// A scope with what reads of its usage need of its plan. Unlike the plan, it can be sent to another task.
package struct UsagePlan: Sendable {
    package let scope: Scope
    /// The time for which the plan is valid: that of Redis's clock, estimated, in Unix ms.
    package let now: Int64
    package let partition: KeySpace.Partition?
    /// The rules for when the scope's days, weeks and months begin.
    package let calendar: CalendarRules
    let limits: [EffectiveLimit]
    /// The periods that calendar limits count, by limit.
    let windows: [CalendarWindow?]
    /// The limit set as the scripts read it.
    fileprivate let set: ByteBuffer

    package init(_ plan: ScopePlan, scope: Scope, at now: Int64) {
        self.scope = scope
        self.now = now
        partition = plan.partition
        calendar = plan.set.rules
        limits = plan.set.limits
        set = plan.set.encoding(at: now)
        windows = plan.set.windows
    }
}

/// A call of the usage function (usage.lua), which reads the usage of scopes against all of their limits.
///
/// The scopes are in one partition. Redis serves no other client during the call.
package struct UsageCall: Sendable {
    package static let function = RedisFunction("usage")

    package enum Outcome: Sendable {
        /// The usage of the scopes, in their order.
        case usage([ScopeUsage])
        /// The calendar periods of the call are not valid at Redis's time, which is `now`.
        case otherTime(now: Int64)
        case failed(LedgerFailure)
    }

    package let arguments: RedisFunctionArguments
    private let plans: [UsagePlan]

    /// - Parameter fixedClock: The time that the function uses as the current time, Unix ms; nil for Redis's clock.
    package init(_ plans: [UsagePlan], keySpace: KeySpace, fixedClock: Int64? = nil) {
        self.plans = plans
        // Most scopes have the same set.
        var sets: [ByteBuffer: Int] = [:]
        var distinct: [ByteBuffer] = []
        let indices = plans.map { plan in
            if let index = sets[plan.set] { return index }
            distinct.append(plan.set)
            sets[plan.set] = distinct.count
            return distinct.count
        }
        var payload = ByteBuffer()
        payload.writeMessagePack(fixedClock ?? 0)
        payload.writeMessagePack(arrayOf: distinct.count)
        for set in distinct { payload.writeImmutableBuffer(set) }
        payload.writeMessagePack(arrayOf: indices.count)
        for index in indices { payload.writeMessagePack(Int64(index)) }
        var arguments = RedisFunctionArguments(keys: plans.map { keySpace.hash(of: $0.scope) })
        arguments.append(payload)
        self.arguments = arguments
    }

    /// Decodes the result of the call.
    package func outcome(_ result: Result<RedisReply, RedisError>) -> Outcome {
        switch result {
        case .success(let reply): outcome(reply)
        case .failure(.timedOut): .failed(.timeout)
        case .failure(let error): .failed(.unavailable(error.description))
        }
    }

    /// Decodes the reply to the call.
    package func outcome(_ reply: RedisReply) -> Outcome {
        switch reply {
        case .array(let items): decoded(items) ?? .failed(.internal("malformed reply from the usage function"))
        case .error(let sentence): .failed(LedgerFailure(redisSaid: sentence))
        default: .failed(.internal("the reply from the usage function is not an array"))
        }
    }

    /// Returns nil for items that the function does not reply.
    private func decoded(_ items: [RedisReply]) -> Outcome? {
        if items.count == 1, case .bulk(var bytes) = items[0], bytes.readMessagePackArrayCount() == 2,
            bytes.readMessagePackInteger() == 0, let now = bytes.readMessagePackInteger()
        {
            return .otherTime(now: now)
        }
        guard items.count == plans.count else { return nil }
        var usages: [ScopeUsage] = []
        usages.reserveCapacity(plans.count)
        for (plan, item) in zip(plans, items) {
            guard case .bulk(let bytes) = item else { return nil }
            switch Self.usage(bytes, of: plan) {
            case .success(let usage): usages.append(usage)
            case .failure(let failure): return .failed(failure)
            case nil: return nil
            }
        }
        return .usage(usages)
    }

    private static func usage(_ bytes: ByteBuffer, of plan: UsagePlan) -> Result<ScopeUsage, LedgerFailure>? {
        var bytes = bytes
        guard bytes.readMessagePackArrayCount() != nil, let status = bytes.readMessagePackInteger(),
            let now = bytes.readMessagePackInteger()
        else { return nil }
        guard status == 1 else { return .failure(.internal("the key of \(plan.scope) in Redis is not a hash")) }
        var usage = ScopeUsage(scope: plan.scope, items: [])
        for limit in plan.limits {
            guard let used = bytes.readMessagePackInteger(), let held = bytes.readMessagePackInteger(),
                let resets = bytes.readMessagePackInteger()
            else { return nil }
            usage.items.append(.init(limit: limit, used: used, held: held, resetsAt: resets > 0 ? now + resets : nil))
        }
        return .success(usage)
    }
}
