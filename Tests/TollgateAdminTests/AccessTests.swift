import Foundation
import HTTPTypes
import Testing
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("Permissions")
struct AccessTests {
    /// A valid path of the route, with parameters filled in.
    static func path(_ route: Route) -> String {
        let id = if route.path.contains("assignments") { "role:Faculty" } else { "basic" }
        return route.path.replacing("{id}", with: id).replacing("{scope}", with: "user:alice")
            .replacing("{name}", with: "log")
    }

    @Test("every route admits exactly the roles of its permission")
    func roles() async throws {
        try await withAdmin { admin in
            let routes = AdminAPI(server: admin.server, policyFile: "").routes
            #expect(routes.count > 25)
            for route in routes {
                let (method, path) = (route.method.rawValue, Self.path(route))
                // The harness listens on loopback.
                let isOpen = route.permission == .open || route.permission == .metrics
                let without = try await admin.ask(method, path, token: nil)
                #expect((without.status == 401) == !isOpen, "\(method) \(path) without a token: \(without.status)")
                for role in Role.allCases {
                    let answer = try await admin.ask(method, path, token: AdminHarness.tokens[role])
                    let isLetIn = answer.status != 401 && answer.status != 403
                    #expect(isLetIn == Self.allowed(role, method, path), "\(role) \(method) \(path): \(answer.status)")
                    #expect(answer.status != 500 && answer.status != 404 || answer.problem == "not_found", "\(answer)")
                }
            }
        }
    }

    /// The expected permissions, stated independently of the code.
    private static func allowed(_ role: Role, _ method: String, _ path: String) -> Bool {
        if ["/healthz", "/readyz", "/openapi.json"].contains(path) { return true }
        let calls = ["check", "peek", "reserve", "record", "refund", "commit", "cancel"].map { "/v1/\($0)" }
        switch role {
        case .admin: return true
        case .viewer: return method == "GET" || path == "/v1/sign-in-links"
        case .caller: return method == "POST" && calls.contains(path) || method == "GET" && path == "/v1/usage"
        case .metrics: return path == "/metrics"
        }
    }

    @Test("every route that is not open rejects a wrong token")
    func wrong() async throws {
        try await withAdmin(waits: false) { admin in
            for route in AdminAPI(server: admin.server, policyFile: "").routes where route.permission != .open {
                let answer = try await admin.ask(route.method.rawValue, Self.path(route), token: "token-of-nobody-here")
                // More than ten wrong tokens in a minute are 429.
                #expect(answer.status == 401 || answer.status == 429, "\(route.path)")
            }
        }
    }

    @Test("a rejection is a problem with a WWW-Authenticate header")
    func refusal() async throws {
        try await withAdmin(waits: false) { admin in
            for authorization in [nil, "Basic b3BzOnNlY3JldA==", "Bearer", "Bearer ", "token-of-an-admin-1"] {
                let headers = authorization.map { ["Authorization": $0] } ?? [:]
                let answer = try await admin.ask("GET", "/v1/tiers", token: nil, headers: headers)
                #expect(answer.status == 401)
                #expect(answer.problem == "unauthenticated")
                #expect(answer.headers["www-authenticate"] == "Bearer")
                #expect(answer.headers["content-type"] == "application/problem+json")
                #expect(answer.headers["cache-control"] == "no-store")
                #expect(answer.headers["x-content-type-options"] == "nosniff")
            }
            let answer = try await admin.ask("PUT", "/v1/tiers/basic", "{}", token: AdminHarness.tokens[.viewer])
            #expect(answer.status == 403)
            #expect(answer.problem == "forbidden")
        }
    }

    @Test("a token must match exactly")
    func nearly() async throws {
        try await withAdmin(waits: false) { admin in
            let token = try #require(AdminHarness.tokens[.admin])
            for wrong in [String(token.dropLast()), token + "1", token.uppercased(), token + token, "x"] {
                #expect(try await admin.ask("GET", "/v1/tiers", token: wrong).status == 401)
            }
        }
    }

    @Test("the eleventh wrong token of a minute is 429, and the right one is still accepted")
    func failures() async throws {
        try await withAdmin { admin in
            var statuses: [Int] = []
            var last: AdminHarness.Answer?
            for place in 0..<15 {
                last = try await admin.ask("GET", "/v1/tiers", token: "a-wrong-token-\(place)-of-many")
                statuses.append(last?.status ?? 0)
            }
            // A minute may have ended in between, which resets the count.
            #expect(statuses.prefix(10).allSatisfy { $0 == 401 })
            let isOneMinute = statuses.last == 429
            if isOneMinute {
                #expect(statuses.suffix(5).allSatisfy { $0 == 429 }, "\(statuses)")
                #expect(last?.problem == "too_many_failures")
                let wait = try #require(last?.headers["retry-after"].flatMap { Int($0) })
                #expect((1...60).contains(wait))
            }
            #expect(try await admin.ask("GET", "/v1/tiers").status == 200)
        }
    }

    @Test("the log contains every change and no token")
    func log() async throws {
        try await withAdmin { admin in
            _ = try await admin.ask("PUT", "/v1/tiers/basic", #"{"limits":{}}"#)
            _ = try await admin.ask("GET", "/v1/tiers", token: "a-wrong-token-for-the-log")
            _ = try await admin.ask("GET", "/v1/tiers", token: AdminHarness.tokens[.viewer])
            for token in AdminHarness.tokens.values { #expect(!admin.log.text.contains(token)) }
            #expect(!admin.log.text.contains("a-wrong-token"))
            try await eventually { admin.log.text.contains("wrong token from=127.0.0.1") }
            #expect(
                admin.log.text.contains(
                    "info change made from=127.0.0.1 method=PUT path=/v1/tiers/basic status=201 who=the admin"))
            try await eventually { admin.log.text.contains("debug admin API listening address=\(admin.address)") }
        }
    }
}
