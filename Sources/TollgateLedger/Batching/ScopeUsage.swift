import NIOCore
package import TollgateCore
package import TollgatePolicy
import TollgateRedis

/// The usage of a scope against each of its limits.
package struct ScopeUsage: Sendable {
    package struct Item: Sendable {
        package var limit: EffectiveLimit
        package var used: Int64
        /// The amount that open reservations hold.
        package var held: Int64
        /// The time at which the usage resets, Unix ms by Redis's clock; nil if nothing counts, or nothing resets.
        package var resetsAt: Int64?

        /// The amount left of max; nil without a max.
        package var remaining: Int64? { limit.limit.max.map { ScopeUsage.remaining(of: $0, used: used, held: held) } }

        /// The used and held percentage of max, rounded down to a tenth; nil if there is no max or it is 0.
        package var percent: Double? {
            guard let max = limit.limit.max, max > 0 else { return nil }
            return ((Double(used) + Double(held)) * 1_000 / Double(max)).rounded(.down) / 10
        }
    }

    /// Returns the amount left of a max, at least 0. It does not overflow for any `used`.
    package static func remaining(of max: Int64, used: Int64, held: Int64) -> Int64 {
        used >= max ? 0 : Swift.max(max - used - held, 0)
    }

    package var scope: Scope
    package var items: [Item]
}

/// The call of the usage function for one scope (usage.lua).
enum UsageCall {
    enum Outcome {
        case usage(ScopeUsage)
        /// The calendar periods of the call are not valid at Redis's time, which is `now`.
        case otherTime(now: Int64)
        case failed(LedgerFailure)
    }

    static func arguments(for plan: ScopePlan, at now: Int64, fixedClock: Int64?) -> RedisFunctionArguments {
        var payload = ByteBuffer()
        payload.writeMessagePack(fixedClock ?? 0)
        payload.writeImmutableBuffer(plan.set.encoding(at: now))
        var bytes = ByteBuffer(string: "$1\r\n1\r\n")
        plan.withKey { _ = bytes.writeBytes($0) }
        bytes.writeString("$\(payload.readableBytes)\r\n")
        bytes.writeImmutableBuffer(payload)
        bytes.writeString("\r\n")
        return RedisFunctionArguments(count: 3, bytes: bytes)
    }

    static func outcome(_ result: Result<RedisReply, RedisError>, of plan: ScopePlan) -> Outcome {
        switch result {
        case .success(.bulk(let bytes)):
            outcome(bytes, of: plan) ?? .failed(.internal("malformed reply from the usage function"))
        case .success(.error(let sentence)): .failed(LedgerFailure(redisSaid: sentence))
        case .success: .failed(.internal("the usage script's reply is not a string"))
        case .failure(.timedOut): .failed(.timeout)
        case .failure(let error): .failed(.unavailable(error.description))
        }
    }

    /// Reads a reply of the function; nil if the bytes are not one.
    private static func outcome(_ bytes: ByteBuffer, of plan: ScopePlan) -> Outcome? {
        var bytes = bytes
        guard bytes.readMessagePackArrayCount() != nil, let status = bytes.readMessagePackInteger(),
            let now = bytes.readMessagePackInteger()
        else { return nil }
        if status == 0 { return .otherTime(now: now) }
        if status == 2 { return .failed(.internal("the key of \(plan.scope) in Redis is not a hash")) }
        var usage = ScopeUsage(scope: plan.scope, items: [])
        for limit in plan.set.limits {
            guard let used = bytes.readMessagePackInteger(), let held = bytes.readMessagePackInteger(),
                let resets = bytes.readMessagePackInteger()
            else { return nil }
            usage.items.append(.init(limit: limit, used: used, held: held, resetsAt: resets > 0 ? now + resets : nil))
        }
        return .usage(usage)
    }
}
