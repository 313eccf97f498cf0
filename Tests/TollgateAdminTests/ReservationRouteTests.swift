import Foundation
import Testing
import TollgateServer
import TollgateTestSupport

@testable import TollgateAdmin

/// Open reservations over the admin API and with the commands.
@Suite("Open reservations")
struct ReservationRouteTests {
    private static let policy = """
        defaults: { user: { cost: { total: 10 }, requests: { 1h: 100 } }, tool: { concurrent: 1 } }
        """

    private func token(_ reply: String) throws -> String {
        String(try #require(reply.split(separator: " reservation=").last?.split(separator: " ").first))
    }

    @Test("are listed with held amounts, and released on every scope by one DELETE, which is audited")
    func freed() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let client = try admin.lineClient()
            let path = "/v1/scopes/user:alice%20b/reservations"
            #expect(try await admin.ask("GET", path)["items"]?.items?.isEmpty == true)
            let reserve = #"RESERVE user="alice b" tool=t cost=6 input_tokens=5 output_tokens=2 ttl=600"#
            let token = try token(try await client.ask(reserve)[0])
            let items = try #require(
                try await admin.ask("GET", path, token: AdminHarness.tokens[.viewer])["items"]?.items)
            #expect(items.count == 1)
            let item = try #require(items.first?.members)
            #expect(item["scopes"]?.items?.compactMap(\.text) == ["user:alice b", "tool:t"])
            #expect(item["held"]?.members?["cost"]?.text == "6")
            #expect(item["held"]?.members?["tokens"] == .integer(7))
            #expect(item["age_seconds"] == .integer(0))
            let id = try #require(item["id"]?.text)
            #expect(try await client.ask("RESERVE user=bob tool=t")[0].hasPrefix("DENY reason=concurrency"))
            let viewer = try await admin.ask("DELETE", "\(path)/\(id)", token: AdminHarness.tokens[.viewer])
            #expect(viewer.status == 403)
            #expect(try await admin.ask("DELETE", "\(path)/\(id)").status == 204)
            #expect(try await admin.ask("DELETE", "\(path)/\(id)").status == 404)
            #expect(try await client.ask("RESERVE user=bob tool=t")[0].hasPrefix("ALLOW"))
            #expect(try admin.redis.hash("tollgate:user:alice b")["held"] == nil)
            let audit = try await admin.ask("GET", "/v1/audit")["items"]?.items?.first?.members
            #expect(audit?["action"]?.text == "reservation.cancel")
            #expect(audit?["target"]?.text == "user:alice b")
            #expect(audit?["before"]?.members?["id"]?.text == id)
            #expect(try await client.ask("COMMIT reservation=\(token) cost=5") == ["OK late=1"])
            #expect(try admin.redis.hash("tollgate:user:alice b")["cost/total"] == "5000000000")
        }
    }

    @Test("are released if the scope's only limits come from a role that DELETE does not name")
    func limitsByRole() async throws {
        let policy = """
            history: []
            tiers: { faculty: { limits: { cost: { total: 10 } } } }
            assignments: [ { role: Faculty, tier: faculty } ]
            """
        try await withAdmin(policy: policy) { admin in
            let client = try admin.lineClient()
            #expect(try await client.ask("RESERVE user=a roles=Faculty cost=6 ttl=600")[0].hasPrefix("ALLOW"))
            #expect(try await client.ask("RESERVE user=a roles=Faculty cost=6")[0].hasPrefix("DENY"))
            let path = "/v1/scopes/user:a/reservations"
            let id = try #require(try await admin.ask("GET", path)["items"]?.items?.first?.members?["id"]?.text)
            #expect(try await admin.ask("DELETE", "\(path)/\(id)").status == 204)
            #expect(try await admin.ask("GET", path)["items"]?.items?.isEmpty == true)
            #expect(try admin.redis.hash("tollgate:user:a")["held"] == nil)
            #expect(try await client.ask("RESERVE user=a roles=Faculty cost=6")[0].hasPrefix("ALLOW"))
        }
    }

    @Test("show what is charged of them when they expire, which a call over HTTP can decide, too")
    func onExpiry() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let path = "/v1/scopes/user:a/reservations"
            func rules() async throws -> [String?] {
                let items = try await admin.ask("GET", path)["items"]?.items
                let rules = try #require(items?.first?.members?["on_expiry"]?.members)
                return [rules["tokens"]?.text, rules["cost"]?.text]
            }
            for (rule, expected) in [("charge", ["charge", "charge"]), ("release", ["release", "release"])] {
                let body = #"{"scopes":{"user":"a"},"tokens":5,"cost":"1","ttl":600,"on_expiry":"\#(rule)"}"#
                let token = try #require(try await admin.ask("POST", "/v1/reserve", body)["reservation"]?.text)
                #expect(try await rules() == expected)
                let list = try await admin.tollgate("reservations", "list", "user:a").output
                #expect(list.contains(rule == "charge" ? "charge tokens, charge cost" : "release"), "\(list)")
                #expect(try await admin.ask("POST", "/v1/cancel", #"{"reservation":"\#(token)"}"#).status == 200)
            }
            _ = try await admin.lineClient().ask("RESERVE user=a cost=1 ttl=600 on_expiry=charge")
            #expect(try await rules() == ["release", "charge"])
        }
    }

    @Test("are paged by expiry")
    func pages() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let client = try admin.lineClient()
            let lines = (0..<25).map { "RESERVE user=a ttl=\(1_000 - $0 % 5)" }
            #expect(try await client.ask(lines).allSatisfy { $0.hasPrefix("ALLOW") })
            var ids: [String] = []
            var ends: [String] = []
            var cursor: String?
            repeat {
                let query = "limit=10" + (cursor.map { "&cursor=\($0)" } ?? "")
                let answer = try await admin.ask("GET", "/v1/scopes/user:a/reservations?\(query)")
                let items = answer["items"]?.items ?? []
                ids += items.compactMap { $0.members?["id"]?.text }
                ends += items.compactMap { $0.members?["ends_at"]?.text }
                cursor = answer["next"]?.text
            } while cursor != nil
            #expect(Set(ids).count == 25)
            #expect(ids.count == 25)
            #expect(ends == ends.sorted())
            let bad = try await admin.ask("GET", "/v1/scopes/user:a/reservations?cursor=AAAA")
            #expect(bad.status == 400)
        }
    }

    @Test("are listed and cancelled by tollgate reservations")
    func commands() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            #expect(try await admin.tollgate("reservations", "list", "user:a").output == "no open reservations\n")
            _ = try await admin.lineClient().ask("RESERVE user=a tool=t cost=1.5 tokens=7 ttl=600")
            let list = try await admin.tollgate("reservations", "list", "user:a")
            let words = list.output.split(separator: "\n").last?.split(separator: " ").map(String.init) ?? []
            #expect(words.count == 9, "\(list.output) \(list.errors)")
            #expect(words.dropFirst().prefix(4) == ["user:a", "tool:t", "7", "1.5"])
            #expect(words.last == "release")
            let id = try #require(words.first)
            #expect(try await admin.tollgate("reservations", "cancel", "tool:t", id).output == "\(id): cancelled\n")
            let again = try await admin.tollgate("reservations", "cancel", "tool:t", id)
            #expect(again.status == 2)
            #expect(again.errors.contains("tool:t has no such open reservation"))
            #expect(try await admin.tollgate("reservations", "list", "user:a").output == "no open reservations\n")
        }
    }
}
