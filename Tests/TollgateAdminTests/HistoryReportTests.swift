import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateAdmin
@testable import TollgatePolicy

@Suite("Usage reports")
struct HistoryReportTests {
    private static let policy = """
        currency: EUR
        timezone: Europe/Berlin
        history: [user, provider, global]
        defaults: { user: { requests: { 1m: 60 } } }
        tiers:
          basic: { limits: { cost: { month: 100 } } }
          premium: { limits: { cost: { month: 500 } }, timezone: America/New_York, billing_day: 15 }
          island: { limits: { cost: { month: 500 } }, timezone: Pacific/Apia }
        assignments:
          - { user: alice, tier: premium }
          - { user: sina, tier: island }
          - { role: Faculty, tier: premium }
          - { default: true, tier: basic }
        """

    private func set(_ admin: AdminHarness, _ key: String, _ fields: [String: Int64]) throws {
        try admin.redis.cli(["HSET", "tollgate:\(key)"] + fields.flatMap { [$0.key, "\($0.value)"] })
    }

    @Test("days are listed with bounds and amounts, with zeros for days without usage, and add up")
    func daily() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            try set(
                admin, "user:alice:day:2026-03-08",
                [
                    "requests": 12, "calls": 10, "denied": 1, "would_deny": 2, "tokens": 900, "input_tokens": 600,
                    "output_tokens": 300, "cost": 1_250_000_000,
                ])
            try set(admin, "user:alice:day:2026-03-09", ["cost": 9_007_199_254_740_993])
            let answer = try await admin.ask(
                "GET", "/v1/reports/daily?scope=user:alice&from=2026-03-07&to=2026-03-09",
                token: AdminHarness.tokens[.viewer])
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.headers["content-type"] == "application/json")
            #expect(answer.headers["cache-control"] == "no-store")
            #expect(
                answer.text == """
                    {"by":null,"currency":"EUR","days":[\
                    {"by":null,"calls":0,"cost":"0","day":"2026-03-07","denied":0,"ends_at":"2026-03-08T05:00:00Z","input_tokens":0,\
                    "output_tokens":0,"requests":0,"starts_at":"2026-03-07T05:00:00Z","tokens":0,"would_deny":0},\
                    {"by":null,"calls":10,"cost":"1.25","day":"2026-03-08","denied":1,"ends_at":"2026-03-09T04:00:00Z","input_tokens":600,\
                    "output_tokens":300,"requests":12,"starts_at":"2026-03-08T05:00:00Z","tokens":900,"would_deny":2},\
                    {"by":null,"calls":0,"cost":"9007199.254740993","day":"2026-03-09","denied":0,"ends_at":"2026-03-10T04:00:00Z","input_tokens":0,\
                    "output_tokens":0,"requests":0,"starts_at":"2026-03-09T04:00:00Z","tokens":0,"would_deny":0}],\
                    "decimals":9,"depends_on_role_or_email":false,"from":"2026-03-07","kept_from":"\(answer["kept_from"]?.text ?? "")","scope":"user:alice","timezone":"America/New_York","to":"2026-03-09",\
                    "total":{"by":null,"calls":10,"cost":"9007200.504740993","denied":1,"input_tokens":600,"output_tokens":300,\
                    "requests":12,"tokens":900,"would_deny":2}}

                    """)
        }
    }

    @Test("parts of a day are its labels, the remainder and usage without a label; a label called other is distinct")
    func split() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            try set(
                admin, "user:alice:day:2026-11-20",
                [
                    "cost": 10_000_000_000, "requests": 5, "cost/provider=openai": 6_000_000_000,
                    "requests/provider=openai": 5,
                    "cost/provider=other": 2_000_000_000, "cost/provider/other": 1_500_000_000, "cost/tool=x": 1,
                ])
            try set(
                admin, "user:alice:day:2026-11-21", ["cost": 1_000_000_000, "cost/provider=openai": 1_000_000_000])
            let answer = try await admin.ask(
                "GET", "/v1/reports/daily?scope=user:alice&from=2026-11-20&to=2026-11-22&by=provider")
            let days = try #require(answer["days"]?.items)
            let parts = try days.map { try #require($0.members?["by"]?.items) }
            #expect(parts.map(\.count) == [4, 1, 0])
            #expect(parts[0].map { $0.members?["provider"]?.text } == ["openai", "other", "other", nil])
            #expect(parts[0].map { $0.members?["is_other"] == .bool(true) } == [false, false, true, false])
            #expect(parts[0].map { $0.members?["cost"]?.text } == ["6", "2", "1.5", "0.5"])
            #expect(parts[0].last?.members?["provider"] == .null)
            let total = try #require(answer["total"]?.members)
            #expect(total["cost"]?.text == "11")
            #expect(total["by"]?.items?.map { $0.members?["cost"]?.text } == ["7", "2", "1.5", "0.5"])
            #expect(answer["by"]?.text == "provider")
        }
    }

    @Test("in a provider's report by provider, all usage is that provider's")
    func own() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            try set(admin, "provider:openai:day:2026-11-20", ["cost": 5, "requests": 2])
            let answer = try await admin.ask(
                "GET", "/v1/reports/daily?scope=provider:openai&from=2026-11-20&to=2026-11-20&by=provider")
            let parts = answer["total"]?.members?["by"]?.items
            #expect(parts?.map { $0.members?["provider"]?.text } == ["openai"])
            #expect(parts?.first?.members?["requests"] == .integer(2))
            #expect(answer["timezone"]?.text == "Europe/Berlin")
        }
    }

    @Test(
        "the calendar is that of the user's tier, which may depend on roles, and omits skipped days")
    func calendars() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            func zone(_ query: String) async throws -> String? {
                try await admin.ask("GET", "/v1/reports/monthly?scope=user:\(query)")["timezone"]?.text
            }
            #expect(try await zone("bob") == "Europe/Berlin")
            #expect(try await zone("bob&roles=Staff,Faculty") == "America/New_York")
            #expect(try await zone("alice") == "America/New_York")
            let put = try await admin.ask("PUT", "/v1/assignments/user:bob", #"{"tier":"island"}"#)
            #expect(put.status == 201)
            #expect(try await zone("bob") == "Pacific/Apia")
            let skipped = try await admin.ask(
                "GET", "/v1/reports/daily?scope=user:sina&from=2011-12-29&to=2011-12-31")
            let days = skipped["days"]?.items?.compactMap { $0.members?["day"]?.text }
            #expect(days == ["2011-12-29", "2011-12-31"])
        }
    }

    @Test(
        "a report without roles says if the calendar depends on roles or email"
    )
    func dependingOnTraits() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            func depends(_ query: String) async throws -> JSONValue? {
                try await admin.ask("GET", "/v1/reports/\(query)")["depends_on_role_or_email"]
            }
            #expect(try await depends("daily?scope=user:bob") == .bool(true))
            #expect(try await depends("monthly?scope=user:bob") == .bool(true))
            for query in ["user:bob&roles=Faculty", "user:bob&email=bob@example.com", "user:alice", "provider:openai"] {
                #expect(try await depends("daily?scope=\(query)") == .bool(false), "\(query)")
            }
            let csv = try await admin.ask("GET", "/v1/reports/daily?scope=user:bob&format=csv").text
            #expect(csv.hasPrefix("day,starts_at,ends_at,requests,"))
        }
        let sameDays = Self.policy.replacing("role: Faculty, tier: premium", with: "role: Faculty, tier: basic")
        try await withAdmin(policy: sameDays) { admin in
            let answer = try await admin.ask("GET", "/v1/reports/daily?scope=user:bob")
            #expect(answer["depends_on_role_or_email"] == .bool(false))
        }
    }

    @Test("a month is its record plus the running day, from the billing day on")
    func monthly() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            try set(admin, "user:alice:month:2026-11", ["cost": 4_000_000_000, "cost/tool=x": 3_000_000_000])
            let day = "2026-12-02 1796274000000 2026-11 1797310800000 0 1 0"
            try admin.redis.cli("HSET", "tollgate:user:alice", "history", day)
            try set(admin, "user:alice", ["history/cost": 1_000_000_000, "history/cost/tool=y": 1_000_000_000])
            let answer = try await admin.ask(
                "GET", "/v1/reports/monthly?scope=user:alice&from=2026-10&to=2026-11&by=tool")
            let months = try #require(answer["months"]?.items).compactMap(\.members)
            #expect(months.map { $0["month"]?.text } == ["2026-10", "2026-11"])
            #expect(months[1]["starts_at"]?.text == "2026-11-15T05:00:00Z")
            #expect(months[1]["ends_at"]?.text == "2026-12-15T05:00:00Z")
            #expect(months[1]["cost"]?.text == "5")
            #expect(months[1]["by"]?.items?.map { $0.members?["cost"]?.text } == ["3", "1", "1"])
        }
    }

    @Test("the default is the last 30 days or 12 months, up to a given end")
    func usualPeriods() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let days = try await admin.ask("GET", "/v1/reports/daily?scope=global")
            #expect(days["days"]?.items?.count == 30)
            let today = CalendarUnit.day.number(ofID: days["to"]?.text ?? "")
            #expect(CalendarUnit.day.number(ofID: days["from"]?.text ?? "") == today.map { $0 - 29 })
            let months = try await admin.ask("GET", "/v1/reports/monthly?scope=global")
            #expect(months["months"]?.items?.count == 12)
            let upTo = try await admin.ask("GET", "/v1/reports/daily?scope=global&to=2026-03-01")
            #expect(upTo["from"]?.text == "2026-01-31")
            let leapYear = try await admin.ask("GET", "/v1/reports/daily?scope=global&from=2027-03-01&to=2028-02-29")
            #expect(leapYear["days"]?.items?.count == 366)
            let years = try await admin.ask("GET", "/v1/reports/monthly?scope=global&from=2022-01&to=2026-12")
            #expect(years["months"]?.items?.count == 60)
        }
    }

    @Test("the first retained day and month follow the scope's calendar")
    func retainedFrom() async throws {
        try await withAdmin(policy: Self.policy + "\nhistory_days: 3\nhistory_months: 2") { admin in
            let days = try await admin.ask("GET", "/v1/reports/daily?scope=global")
            let today = try #require(CalendarUnit.day.number(ofID: days["to"]?.text ?? ""))
            #expect(CalendarUnit.day.number(ofID: days["kept_from"]?.text ?? "") == today - 3)
            let months = try await admin.ask("GET", "/v1/reports/monthly?scope=user:alice")
            let month = try #require(CalendarUnit.month.number(ofID: months["to"]?.text ?? ""))
            let first = CalendarUnit.month.number(ofID: months["kept_from"]?.text ?? "") ?? 0
            // A month counts as 31 days.
            #expect((month - 3...month - 2).contains(first))
            let top = try await admin.ask("GET", "/v1/reports/top?kind=user")
            #expect(top["kept_from"] == days["kept_from"])
            let old = try await admin.ask("GET", "/v1/reports/top?kind=user&day=2020-01-01")
            #expect(old.status == 404)
            #expect(
                old["detail"]?.text
                    == "day: 2020-01-01 is no longer retained; the first retained day is \(days["kept_from"]?.text ?? "")"
            )
        }
    }

    @Test("30 days of a user take at most 32 reads: one per day, the running day, and the user's settings")
    func reads() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            // The sidecar has registered itself, which reads a hash too.
            for key in ["tollgate:{policy}:sidecars", "tollgate:{policy}:libraries"] {
                try await eventually { try admin.redis.cli("EXISTS", key) == "1" }
            }
            try await Task.sleep(for: .milliseconds(500))
            try admin.redis.cli("CONFIG", "RESETSTAT")
            _ = try await admin.ask("GET", "/v1/reports/daily?scope=user:alice&by=tool")
            let stats = try admin.redis.cli("INFO", "commandstats").split(whereSeparator: \.isNewline)
            #expect(stats.contains { $0.hasPrefix("cmdstat_hgetall:calls=32,") }, "\(stats)")
            #expect(
                !stats.contains { $0.hasPrefix("cmdstat_hmget") || $0.hasPrefix("cmdstat_\(TestRedis.luaCommand)") },
                "\(stats)")
        }
    }

    @Test("recorded usage is in reports immediately, and labels add up")
    func recorded() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let client = try admin.lineClient()
            let replies = try await client.ask([
                "CHECK user=bob provider=openai tool=x", "RECORD user=bob provider=openai tool=x tokens=700 cost=0.75",
                "RECORD user=bob provider=anthropic tokens=300 cost=0.5", "RECORD user=bob cost=0.000000001",
            ])
            #expect(replies.allSatisfy { $0.hasPrefix("OK") || $0.hasPrefix("ALLOW") }, "\(replies)")
            for path in ["daily", "monthly"] {
                let answer = try await admin.ask("GET", "/v1/reports/\(path)?scope=user:bob&by=provider")
                let total = try #require(answer["total"]?.members)
                #expect(total["requests"] == .integer(1))
                #expect(total["tokens"] == .integer(1_000))
                #expect(total["cost"]?.text == "1.250000001")
                let parts = total["by"]?.items?.compactMap(\.members) ?? []
                #expect(parts.map { $0["provider"]?.text } == ["openai", "anthropic", nil])
                #expect(parts.map { $0["cost"]?.text } == ["0.75", "0.5", "0.000000001"])
            }
            let own = try await admin.ask("GET", "/v1/reports/daily?scope=provider:openai")
            #expect(own["total"]?.members?["cost"]?.text == "0.75")
        }
    }
}
