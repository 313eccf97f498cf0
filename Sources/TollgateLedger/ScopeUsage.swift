import NIOCore
package import TollgateCore

/// What a scope has used of each of its limits.
package struct ScopeUsage: Sendable {
    package struct Item: Sendable {
        package var limit: EffectiveLimit
        package var used: Int64
        /// By open reservations.
        package var held: Int64
        /// Unix ms by Redis's clock; nil where nothing counts, or nothing ever resets.
        package var resetsAt: Int64?
    }

    package var scope: Scope
    package var items: [Item]
}

/// The call of the usage script for one scope (usage.lua).
enum UsageCall {
    enum Outcome {
        case usage(ScopeUsage)
        case otherTime(now: Int64)
        case broken
    }

    static func command(for plan: ScopePlan, sha: String, at now: Int64, fixedClock: Int64?) -> ByteBuffer {
        var payload = ByteBuffer()
        payload.writeMessagePack(fixedClock ?? 0)
        payload.writeImmutableBuffer(plan.set.encoding(at: now))
        var command = ByteBuffer()
        command.writeString("*5\r\n$7\r\nEVALSHA\r\n$\(sha.utf8.count)\r\n\(sha)\r\n$1\r\n1\r\n")
        command.writeBytes(plan.key)
        command.writeString("$\(payload.readableBytes)\r\n")
        command.writeImmutableBuffer(payload)
        command.writeString("\r\n")
        return command
    }

    /// Nil when the bytes are not a reply of the script.
    static func outcome(_ bytes: ByteBuffer, of plan: ScopePlan) -> Outcome? {
        var bytes = bytes
        guard bytes.readMessagePackArrayCount() != nil, let status = bytes.readMessagePackInteger(),
            let now = bytes.readMessagePackInteger()
        else { return nil }
        if status == 0 { return .otherTime(now: now) }
        if status == 2 { return .broken }
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
