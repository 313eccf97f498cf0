import Foundation
import Testing
import TollgateAdmin
import TollgateCore
import TollgateLedger
import TollgateServer
import TollgateStores

@testable import TollgateDashboard

@Suite struct AlertPagesTests {
    @Test("unresolved alerts are listed with severity, amounts and state, and filtered by the URL")
    func list() async throws {
        try await withDashboard { dashboard in
            let viewer = try await dashboard.browser(as: .viewer)
            let empty = try await viewer.get("/alerts")
            #expect(empty.status == 200 && empty.words.contains("No alerts. One is opened"))
            let alerts = try await dashboard.raiseAlerts()
            try await dashboard.api("POST", "/v1/alerts/\(alerts[0].id)/resolve")
            let page = try await viewer.get("/alerts")
            #expect(!page.text.contains(alerts[0].id))
            #expect(page.words.contains("2 min ago"))
            #expect(page.words.contains("exceeded at 100 % user:alice USD / day 2026-11-20, tier:premium"))
            #expect(page.words.contains("20.24 20.00 101.2 % enforce open"))
            #expect(page.words.contains("critical at 95 % user:b/c+tool:d tokens / total tier:premium 951"))
            #expect(page.words.contains("951 1\u{202F}000 95.1 % shadow open"))
            #expect(page.text.contains("href=\"/scopes/user%3Ab%2Fc%2Btool%3Ad\""))
            for (query, expected) in [
                ("?state=resolved", [0]), ("?state=all", [2, 1, 0]), ("?state=open", [2, 1]),
                ("?state=acknowledged", []), ("?scope=user:alice", [1]), ("?severity=warning&state=all", [0]),
                ("?severity=warning", []), ("?state=nonsense&severity=nonsense", [2, 1]),
                ("?scope=tool:d%2Buser:b/c", [2]),
            ] as [(String, [Int])] {
                let page = try await viewer.get("/alerts\(query)")
                let shown = alerts.indices.filter { page.text.contains("data-row=\"\(alerts[$0].id)\"") }
                #expect(Set(shown) == Set(expected), "\(query)")
            }
            let all = try await viewer.get("/alerts?state=all").text
            let places = alerts.compactMap { all.range(of: "data-row=\"\($0.id)\"")?.lowerBound }
            // The resolved one comes last, although the list is the newest first.
            #expect(places.count == 3 && places[2] < places[1] && places[1] < places[0])
            #expect(all.contains("resolved by <bdi>the admin</bdi>") && all.contains("by hand"))
            let wrong = try await viewer.get("/alerts?scope=alice")
            #expect(wrong.status == 400 && wrong.words.contains("scope: alice: expected kind:id"))
        }
    }

    @Test("an alert about drift names the meter and the difference, with both sides")
    func drift() async throws {
        try await withDashboard { dashboard in
            let alert = Alert(
                driftOf: try Scope(parsing: "account:main"), on: try #require(UTCDay(parsing: "2026-11-19")),
                meter: .tokens, ours: 877, theirs: 1_000, threshold: 100, openedAt: await dashboard.server.redisTime)
            #expect(try await dashboard.server.stores.alerts.open(alert))
            let page = try await dashboard.browser(as: .viewer).get("/alerts")
            #expect(page.words.contains("warning account:main tokens drift by -12.3 % 2026-11-19"), "\(page.words)")
            #expect(page.words.contains("877 1\u{202F}000 87.7 %"), "\(page.words)")
        }
    }

    @Test("one or many are acknowledged and resolved, and failures say which and why")
    func changes() async throws {
        try await withDashboard { dashboard in
            let alerts = try await dashboard.raiseAlerts()
            let admin = try await dashboard.browser(as: .admin)
            let seen = try await admin.submit(
                "/alerts?severity=critical",
                [("id", alerts[1].id), ("id", alerts[2].id), ("action", "acknowledge")])
            #expect(seen.words.contains("2 alerts acknowledged."))
            #expect(seen.words.contains("acknowledged by the admin"))
            // The notice is shown once.
            #expect(!(try await admin.get("/alerts")).words.contains("2 alerts acknowledged."))
            let partly = try await admin.post(
                "/alerts", [("id", alerts[0].id), ("id", alerts[1].id), ("id", "none"), ("action", "acknowledge")])
            #expect(partly.status == 404)
            #expect(partly.words.contains("1 alert acknowledged."))
            #expect(
                partly.words.contains(
                    "user:alice cost/day at 100 %: \(alerts[1].id): acknowledged by the admin already"))
            #expect(partly.words.contains("none: none: no such alert"))
            let done = try await admin.submit("/alerts", [("id", alerts[0].id), ("action", "resolve")])
            #expect(done.words.contains("1 alert resolved.") && !done.text.contains("value=\"\(alerts[0].id)\""))
            let nothing = try await admin.post("/alerts", [("action", "resolve")])
            #expect(nothing.status == 422 && nothing.words.contains("Select at least one alert."))
            #expect(try await admin.post("/alerts", [("id", alerts[1].id), ("action", "delete")]).status == 400)
        }
    }

    @Test("viewers see no form, and are refused; so is a form without the token of the session")
    func refused() async throws {
        try await withDashboard { dashboard in
            let alert = try await dashboard.raiseAlerts()[0]
            let fields = [("id", alert.id), ("action", "resolve")]
            let viewer = try await dashboard.browser(as: .viewer)
            let page = try await viewer.get("/alerts")
            #expect(!page.text.contains("action=\"/alerts\" ") && !page.text.contains("checkbox"))
            #expect(try await viewer.post("/alerts", fields).status == 403)
            let admin = try await dashboard.browser(as: .admin)
            #expect(try await admin.get("/alerts").text.contains("data-select-all"))
            #expect(try await admin.send("POST", "/alerts", fields).status == 403)
            #expect(try await admin.send("POST", "/alerts", [("csrf", viewer.csrf)] + fields).status == 403)
            #expect(try await dashboard.browser().send("POST", "/alerts", fields).status == 401)
            #expect(try await dashboard.server.stores.alerts.alert(alert.id)?.state == .open)
        }
    }

    @Test("pages have 100 alerts, and together have all")
    func paging() async throws {
        try await withDashboard { dashboard in
            let store = dashboard.server.stores.alerts
            let now = await dashboard.server.redisTime
            var ids: Set<String> = []
            for index in 0..<105 {
                let alert = Alert(
                    scope: try Scope(parsing: "user:u\(index)"), meter: .tokens, period: .total, threshold: 80,
                    max: 10, used: 9, source: "scope", periodID: nil, endsAt: nil, openedAt: now - Int64(index))
                try await store.publish(.opened(alert))
                if index % 2 == 0 { try await dashboard.api("POST", "/v1/alerts/\(alert.id)/resolve") }
                ids.insert(alert.id)
            }
            let viewer = try await dashboard.browser(as: .viewer)
            var (path, found, sizes): (String?, Set<String>, [Int]) = ("/alerts?state=all", [], [])
            while let next = path {
                let page = try await viewer.get(next)
                let rows = page.text.matches(of: /data-row="([^"]+)"/).map { String($0.1) }
                sizes.append(rows.count)
                found.formUnion(rows)
                path = page.text.firstMatch(of: /<a href="([^"]+)" rel="next">/)
                    .map { String($0.1).replacing("&amp;", with: "&") }
            }
            #expect(sizes == [100, 5] && found == ids)
            #expect(try await viewer.get("/alerts?cursor=0:x").status == 400)
        }
    }

    @Test("hostile ids are text", arguments: DashboardHarness.hostileIDs)
    func hostile(id: String) async throws {
        try await withDashboard { dashboard in
            let scope = try Scope(parts: [.init(kind: "user", id: id)])
            try await dashboard.raiseAlerts(of: scope.description)
            let admin = try await dashboard.browser(as: .admin)
            for query in ["", Markup.query([("scope", scope.description)])] {
                let page = try await admin.get("/alerts\(query)")
                #expect(page.status == 200 && page.shows(scope.description))
                page.expectNoMarkup(of: id)
            }
        }
    }
}
