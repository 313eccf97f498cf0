import Foundation
import Testing
import TollgateTestSupport

/// The days, months and rankings as stored in Redis.
struct StoredHistory: Decodable {
    /// The records by key and field.
    let pages: [String: [String: String]]
    /// The current days by the keys of their scopes' hashes: the fields of their records, and the day's id as `history`.
    let running: [String: [String: String]]
    /// The rankings by key and member.
    let rankings: [String: [String: String]]

    private static let script = """
        local pages, running, rankings = {}, {}, {}
        for _, key in ipairs(redis.call('KEYS', 'tollgate:*')) do
            local target, stored
            if string.find(key, ':day:') or string.find(key, ':month:') then
                target, stored = pages, redis.pcall('HGETALL', key)
            elseif string.find(key, ':top-scopes:', 1, true) then
                target, stored = rankings, redis.pcall('ZRANGE', key, 0, -1, 'WITHSCORES')
            end
            if not target and redis.call('TYPE', key).ok == 'hash' and redis.call('HEXISTS', key, 'history') == 1 then
                target, stored = running, {}
                local all = redis.call('HGETALL', key)
                for i = 1, #all, 2 do
                    local field = string.match(all[i], '^history/(.*)$') or all[i] == 'history' and all[i]
                    if field then
                        stored[#stored + 1] = field
                        stored[#stored + 1] = all[i + 1]
                    end
                end
            end
            if target and not stored.err then
                target[key] = {}
                for i = 1, #stored, 2 do target[key][stored[i]] = stored[i + 1] end
            end
        end
        return cjson.encode({ pages = pages, running = running, rankings = rankings })
        """

    init(_ redis: TestRedis) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(redis.cli("EVAL", Self.script, "0").utf8))
    }

    // MARK: - Reading

    /// The amounts of a day without zeros: those of its record, and of the scope's hash if it is the current day.
    func day(_ id: String, of scope: String) -> [String: Int64] {
        sum(amounts("tollgate:\(scope):day:\(id)"), runningID(of: scope, 0) == id ? runningAmounts(of: scope) : [:])
    }

    /// The amounts of a month without zeros: those of its record, and of the current day if that is in it.
    func month(_ id: String, of scope: String) -> [String: Int64] {
        sum(amounts("tollgate:\(scope):month:\(id)"), runningID(of: scope, 2) == id ? runningAmounts(of: scope) : [:])
    }

    func amounts(_ page: String) -> [String: Int64] { Self.amounts(pages[page, default: [:]]) }

    func runningAmounts(of scope: String) -> [String: Int64] {
        Self.amounts(running["tollgate:\(scope)", default: [:]])
    }

    static func amounts(_ page: [String: String]) -> [String: Int64] {
        page.filter { !$0.key.hasPrefix("values/") && $0.key != "history" }
            .compactMapValues { Int64($0) }.filter { $0.value != 0 }
    }

    /// The number of labels of a dimension according to a record.
    static func count(_ dimension: String, of page: [String: String]) -> Int? {
        guard let name = page["history"] else { return Int(page["values/\(dimension)"] ?? "0") }
        let counts = name.split(separator: " ").dropFirst(4).map { Int($0) }
        return zip(["provider", "tool", "model"], counts).first { $0.0 == dimension }?.1
    }

    private func sum(_ lhs: [String: Int64], _ rhs: [String: Int64]) -> [String: Int64] {
        lhs.merging(rhs, uniquingKeysWith: +).filter { $0.value != 0 }
    }

    /// The current day (0), or its month (2).
    private func runningID(of scope: String, _ word: Int) -> String? {
        running["tollgate:\(scope)"]?["history"].map { String($0.split(separator: " ")[word]) }
    }

    func scopesAndIDs(of unit: String) -> [(scope: String, id: String)] {
        pages.keys.compactMap { key in
            let parts = key.components(separatedBy: ":\(unit):")
            return parts.count == 2 ? (String(parts[0].dropFirst("tollgate:".count)), parts[1]) : nil
        }
            + running.keys.compactMap { key in
                let scope = String(key.dropFirst("tollgate:".count))
                return runningID(of: scope, unit == "day" ? 0 : 2).map { (scope, $0) }
            }
    }

    // MARK: - Comparing

    /// Compares each day, month and ranking with the model, and checks that the sums agree.
    func expect(_ model: ReferenceHistory, _ location: SourceLocation = #_sourceLocation) {
        expectSums(location)
        for (scope, id) in scopesAndIDs(of: "day") where model.days[scope]?[id] == nil {
            Issue.record("\(scope) has a day \(id)", sourceLocation: location)
        }
        for (scope, days) in model.days {
            for (id, expected) in days {
                let stored = day(id, of: scope)
                #expect(stored == expected.fields, "\(scope) \(id)", sourceLocation: location)
                #expect(unnamed(stored, of: scope) == expected.unnamed, "\(scope) \(id)", sourceLocation: location)
            }
            let unnamed = model.months(of: scope, \.unnamed)
            for (id, expected) in model.months(of: scope, \.fields) {
                let stored = month(id, of: scope)
                #expect(stored == expected, "\(scope) \(id)", sourceLocation: location)
                #expect(self.unnamed(stored, of: scope) == unnamed[id], "\(scope) \(id)", sourceLocation: location)
            }
        }
        for (scope, id) in scopesAndIDs(of: "month") where model.months(of: scope, \.fields)[id] == nil {
            Issue.record("\(scope) has a month \(id)", sourceLocation: location)
        }
        expectRankings(model, location)
    }

    private func expectRankings(_ model: ReferenceHistory, _ location: SourceLocation) {
        var expected: [String: [String: Int64]] = [:]
        for (scope, days) in model.days where scope.contains(":") {
            let kind = scope.prefix { $0 != ":" }
            for (id, day) in days {
                for meter in ["requests", "calls", "denied", "would_deny", "tokens", "cost"] {
                    guard let total = day.inAll[meter], total > 0 else { continue }
                    expected["tollgate:top-scopes:\(kind):\(meter):\(id)", default: [:]][scope] = total
                }
            }
        }
        for key in Set(expected.keys).union(rankings.keys) {
            let stored = rankings[key, default: [:]].compactMapValues { Int64($0) }.filter { $0.value != 0 }
            #expect(stored == expected[key, default: [:]], "\(key)", sourceLocation: location)
        }
    }
}
