import NIOCore
import TollgateCore
import TollgatePolicy
package import TollgateRedis

/// The usage of a scope against its limits over calendar periods and over all time, from the fields of its hash.
///
/// For a page of a hundred scopes, plain reads of fields take Redis a tenth of what ``UsageCall`` takes, and other clients
/// are served between them. Sliding windows need the function, and so do a few states, for which there is no usage here.
package struct CalendarUsage: Sendable {
    /// The fields to read, in this order.
    package let fields: [String]
    private let plan: UsagePlan
    /// The indices of the limits.
    private let indices: [Int]

    package init(_ plan: UsagePlan) {
        self.plan = plan
        indices = plan.limits.indices.filter {
            plan.windows[$0] != nil || plan.limits[$0].limit.period == .total
        }
        // As in batch/sets.lua and batch/scope.lua.
        var fields = ["held"]
        for index in indices {
            let name = plan.limits[index].limit.name
            fields.append(name)
            if plan.windows[index] != nil { fields.append(name + ".p") }
            if plan.limits[index].counts != .own { fields.append(ProviderFigure.field(of: name)) }
        }
        self.fields = fields
    }

    /// Returns whether the periods of the plan are those of a time of Redis's clock, Unix ms.
    package func isValid(at now: Int64) -> Bool {
        plan.windows.allSatisfy { window in window.map { $0.startsAt <= now && now < $0.endsAt } ?? true }
    }

    /// Returns the usage; nil if only the function can tell it: while ended reservations are still held, and for texts that
    /// it does not write.
    ///
    /// - Parameters:
    ///   - values: The values of the fields, each a bulk string or null.
    ///   - now: The time of Redis's clock, Unix ms.
    package func usage(_ values: some Collection<RedisReply>, at now: Int64) -> ScopeUsage? {
        var values = values.makeIterator()
        guard let held = Held(Self.text(values.next()), at: now) else { return nil }
        var usage = ScopeUsage(scope: plan.scope, items: [])
        for index in indices {
            let limit = plan.limits[index]
            let count = Self.text(values.next())
            var item = ScopeUsage.Item(limit: limit, used: 0, held: held.amount(of: limit.limit.meter))
            if let window = plan.windows[index] {
                let period = Self.text(values.next())
                item.resetsAt = window.endsAt
                if let count {
                    guard let used = Self.amount(count), let end = Self.end(of: period) else { return nil }
                    if end > now { (item.used, item.resetsAt) = (used, end) }
                }
                if limit.counts != .own {
                    let figure = Self.text(values.next()).flatMap { ProviderFigure($0) }
                    if let figure, figure.endsAt == window.endsAt, figure.periodID == window.id {
                        item.used = limit.counts == .provider ? figure.amount : max(item.used, figure.amount)
                    }
                }
            } else if let count {
                guard let used = Self.amount(count) else { return nil }
                item.used = used
            }
            usage.items.append(item)
        }
        return usage
    }

    /// The sums of open reservations: `ends count tokens input_tokens output_tokens cost` (batch/holds.lua).
    private struct Held {
        private var amounts: [Int64]

        /// Returns nil for a malformed text, and for one that holds ended reservations.
        init?(_ text: String?, at now: Int64) {
            guard let text else {
                amounts = []
                return
            }
            let words = text.split(separator: " ", omittingEmptySubsequences: false)
            amounts = words.compactMap { CalendarUsage.amount($0) }
            guard words.count == 6, amounts.count == 6, amounts[0] > now else { return nil }
        }

        func amount(of meter: Meter) -> Int64 {
            guard !amounts.isEmpty else { return 0 }
            return switch meter {
            case .requests: 0
            case .tokens: amounts[2]
            case .inputTokens: amounts[3]
            case .outputTokens: amounts[4]
            case .cost: amounts[5]
            case .concurrent: amounts[1]
            }
        }
    }

    private static func text(_ reply: RedisReply?) -> String? {
        if case .bulk(let bytes) = reply { String(buffer: bytes) } else { nil }
    }

    /// Parses an amount that a double represents exactly.
    private static func amount(_ text: some StringProtocol) -> Int64? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let amount = Int64(text) else { return nil }
        return amount <= 1 << 53 ? amount : nil
    }

    /// Returns the end of a period, Unix ms: `2026-11-20 1795219200000`.
    private static func end(of period: String?) -> Int64? {
        period?.split(separator: " ").dropFirst().first.flatMap { amount($0) }
    }
}
