import Testing
import TollgateCore

@testable import TollgateLedger
@testable import TollgatePolicy

/// The alerts of one scope as published, compared with the usage.
struct AlertBook {
    private struct Key: Hashable {
        var limit: String
        var period: String?
        var max: Int64
        var threshold: Int
    }

    static let window: Int64 = 3_600_000

    private(set) var open: [String: Alert] = [:]
    private(set) var count = 0
    private var ids: Set<String> = []
    /// The last opening time of each alert, without those resolved by a raised limit.
    private var opened: [Key: Int64] = [:]
    private var keys: [String: Key] = [:]
    /// The alerts that a refund resolved, and that can open again a minute after they did.
    private var refunded: Set<Key> = []
    /// For each limit, the max and the highest threshold that usage has reached since its alert opened.
    private var covered: [String: (max: Int64, percent: Int)] = [:]

    mutating func take(_ change: AlertChange, _ note: Comment) {
        switch change {
        case .opened(let alert):
            #expect(ids.insert(alert.id).inserted, note)
            let key = Key(limit: alert.limitName, period: alert.periodID, max: alert.max, threshold: alert.threshold)
            if let before = opened[key] {
                let pause = alert.period.isSliding ? Self.window : 60_000
                let mayOpen = alert.period.isSliding || refunded.contains(key)
                #expect(mayOpen && alert.openedAt - before >= pause, "\(note): \(key) twice")
            }
            refunded.remove(key)
            covered[alert.limitName] = (alert.max, alert.threshold)
            opened[key] = alert.openedAt
            keys[alert.id] = key
            open[alert.id] = alert
            count += 1
        case .resolved(let id, _, let reason):
            #expect(open.removeValue(forKey: id) != nil, note)
            guard let key = keys[id] else { return }
            if reason == .limitRaised { opened[key] = nil }
            if reason == .refunded { refunded.insert(key) }
        }
    }

    /// An alert that stays open when the max changes counts for the new max, too.
    private mutating func follow(_ item: ScopeUsage.Item, _ max: Int64) {
        for alert in open.values where alert.limitName == item.limit.limit.name {
            let key = Key(
                limit: alert.limitName, period: alert.periodID, max: max, threshold: alert.threshold)
            opened[key] = opened[key] ?? alert.openedAt
            keys[alert.id] = key
        }
        // A max that applies again is rearmed.
        opened = opened.filter { $0.key.limit != item.limit.limit.name || $0.key.max == max }
    }

    /// Checks that a threshold which is reached again after a refund is open again, a minute after it last opened.
    private mutating func checkCrossing(
        _ name: String, _ max: Int64, _ reached: Int, _ item: ScopeUsage.Item, at now: Int64, _ note: Comment
    ) {
        guard let before = covered[name], before.max == max, !item.limit.limit.period.isSliding else {
            covered[name] = (max, reached)
            return
        }
        let isBlocked = opened.contains { key, time in
            key.limit == name && key.threshold >= reached && now - time < 60_000
        }
        let isOpen = open.values.contains { $0.limitName == name && $0.threshold >= reached }
        if reached > before.percent, !isBlocked { #expect(isOpen, "\(note): \(name) crossed \(reached) % again") }
        covered[name] = (max, min(before.percent, reached))
    }

    /// Checks after each operation that open alerts are true, and that the highest reached threshold was published.
    mutating func check(_ usage: ScopeUsage, at now: Int64, _ note: Comment) {
        for item in usage.items {
            let name = item.limit.limit.name
            guard let max = item.limit.limit.max else {
                #expect(!open.values.contains { $0.limitName == name }, "\(note): \(name) is unlimited")
                opened = opened.filter { $0.key.limit != name }
                continue
            }
            for alert in open.values where alert.limitName == name {
                #expect(item.used >= (max * Int64(alert.threshold) + 99) / 100, "\(note): \(alert)")
                if !alert.period.isSliding { #expect(alert.endsAt ?? .max > now, note) }
            }
            follow(item, max)
            let reached = item.limit.thresholdAmounts.last { $0.amount <= item.used }
            checkCrossing(name, max, reached?.percent ?? 0, item, at: now, note)
            guard let highest = reached else { continue }
            let isPublished = opened.contains {
                $0.key.limit == name && $0.key.max == max && $0.key.threshold >= highest.percent
            }
            #expect(isPublished, "\(note): \(name) \(item.used) of \(max)")
        }
        let names = usage.items.map(\.limit.limit.name)
        #expect(open.values.allSatisfy { names.contains($0.limitName) }, "\(note): a limit that is not there")
        opened = opened.filter { names.contains($0.key.limit) }
    }
}

extension Period {
    fileprivate var isSliding: Bool { if case .sliding = self { true } else { false } }
}
