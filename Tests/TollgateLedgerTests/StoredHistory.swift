import Foundation
import Testing
import TollgateTestSupport

/// The days, the months and the rankings as they stand in Redis.
struct StoredHistory: Decodable {
    /// By key, then by field.
    let pages: [String: [String: String]]
    /// By key, then by member.
    let rankings: [String: [String: String]]

    private static let script = """
        local pages, rankings = {}, {}
        for _, key in ipairs(redis.call('KEYS', 'tollgate:*')) do
            local target, stored
            if string.find(key, ':day:') or string.find(key, ':month:') then
                target, stored = pages, redis.pcall('HGETALL', key)
            elseif string.find(key, ':top-scopes:', 1, true) then
                target, stored = rankings, redis.pcall('ZRANGE', key, 0, -1, 'WITHSCORES')
            end
            if target and not stored.err then
                target[key] = {}
                for i = 1, #stored, 2 do target[key][stored[i]] = stored[i + 1] end
            end
        end
        return cjson.encode({ pages = pages, rankings = rankings })
        """

    init(_ redis: TestRedis) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(redis.cli("EVAL", Self.script, "0").utf8))
    }

    // MARK: - Reading

    /// The amounts of a day, without what is 0.
    func day(_ id: String, of scope: String) -> [String: Int64] { amounts("tollgate:\(scope):day:\(id)") }

    /// The days of a month that have not been added to its page.
    func openDays(of id: String, of scope: String) -> [String] {
        let text = pages["tollgate:\(scope):month:\(id)"]?["open_day"] ?? ""
        return text.split(separator: " ").map(String.init)
    }

    /// The amounts of a month: of its page and of the days that are open.
    func month(_ id: String, of scope: String) -> [String: Int64] {
        openDays(of: id, of: scope).reduce(into: amounts("tollgate:\(scope):month:\(id)")) {
            $0.merge(day($1, of: scope), uniquingKeysWith: +)
        }
    }

    func amounts(_ page: String) -> [String: Int64] {
        pages[page, default: [:]]
            .filter { !$0.key.hasPrefix("values/") && !["folded", "open_day", "open_ends"].contains($0.key) }
            .compactMapValues { Int64($0) }.filter { $0.value != 0 }
    }

    func scopesAndIDs(of unit: String) -> [(scope: String, id: String)] {
        pages.keys.compactMap { key in
            let parts = key.components(separatedBy: ":\(unit):")
            return parts.count == 2 ? (String(parts[0].dropFirst("tollgate:".count)), parts[1]) : nil
        }
    }

    // MARK: - Comparing

    /// Holds all of it against the model: each day, each month, each ranking, and that the sums agree.
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
                for meter in ["requests", "denied", "tokens", "cost"] {
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
