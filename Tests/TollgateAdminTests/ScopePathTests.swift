import Foundation
import Testing

@testable import TollgateAdmin

@Suite("Scopes in paths")
struct ScopePathTests {
    /// A path segment and its scope.
    private static let encoded: [(String, String)] = [
        ("user:alice", "user:alice"), ("user%3Aalice", "user:alice"), ("global", "global"),
        ("user%3Aa%2Fb%7B%7D%25", "user:a/b{}%"), ("user:%7Bpolicy%7D", "user:{policy}"), ("user:%25", "user:%"),
        ("user:%2525", "user:%25"), ("user:z%C3%BCrich", "user:zürich"), ("user:%F0%9F%98%80", "user:😀"),
        ("user:alice+tool:search", "user:alice+tool:search"), ("user:alice%2Btool:search", "user:alice+tool:search"),
        ("tool:search+user:alice", "user:alice+tool:search"), ("user:bob++x@example.com", "user:bob++x@example.com"),
        ("user:bob%2B%2Bx", "user:bob++x"), ("user=bob+x@example.com", "user:bob++x@example.com"),
        ("user%3Dbob%2Btool", "user:bob++tool"), ("user:a%20b", "user:a b"), ("user::%3A", "user:::"),
        ("user:a%3Fb%23c", "user:a?b#c"),
        ("user:..%2F..", "user:../.."), ("user:%22%5C", "user:\"\\"),
    ]

    @Test("are percent-decoded once, and a plus sign is not a space")
    func decoded() async throws {
        try await withAdmin { admin in
            for (path, scope) in Self.encoded {
                let answer = try await admin.ask("GET", "/v1/scopes/\(path)/limits")
                #expect(answer.status == 200, "\(path): \(answer.text)")
                #expect(answer["scope"]?.text.map { Array($0.utf8) } == Array(scope.utf8), "\(path)")
                #expect(answer["limits"] == .null)
                #expect(answer.tag == "\"0\"")
            }
        }
    }

    @Test("settings of a scope with special characters apply to that scope only")
    func strange() async throws {
        try await withAdmin { admin in
            for (place, id) in ["a/b{}%", "{policy}", "zürich", "z\u{75}\u{308}rich", "x\"\\y", "+", "a:b", " "]
                .enumerated()
            {
                let doubled = id.replacing("+", with: "++")
                let path = try #require(doubled.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
                let body = #"{"limits":{"requests":{"1h":\#(place + 10)}}}"#
                let set = try await admin.ask("PUT", "/v1/scopes/user:\(path)/limits", body)
                #expect(set.status == 201, "\(id): \(set.text)")
                let check = try JSONEncoder().encode(["scopes": ["user": id]])
                let answer = try await admin.ask("POST", "/v1/check", String(decoding: check, as: UTF8.self))
                #expect(answer["max"] == .integer(Int64(place + 10)), "\(id): \(answer.text)")
                #expect(answer["limit"]?.text == "user:\(doubled)/requests/1h")
                let policy = answer.headers["ratelimit-policy"] ?? ""
                #expect(policy.utf8.allSatisfy { (0x20..<0x7f).contains($0) }, "\(policy)")
                #expect(policy.hasSuffix(";q=\(place + 10);w=3600"))
            }
        }
    }

    @Test("invalid scopes are 400")
    func bad() async throws {
        try await withAdmin(waits: false) { admin in
            for path in [
                "alice", "User:alice", "user:", "us%C3%A9r:alice", "cost:alice", "user:a+user:b", "user:a+", "+",
                "user:%00", "user:%0A", "user:%C2%85", "user:" + String(repeating: "x", count: 257), "%20",
                "global+user:a",
            ] {
                for (method, rest) in [
                    ("GET", "limits"), ("DELETE", "limits"), ("DELETE", "override"), ("POST", "reset"),
                ] {
                    let answer = try await admin.ask(method, "/v1/scopes/\(path)/\(rest)")
                    #expect(answer.status == 400, "\(method) \(path): \(answer.text)")
                    #expect(answer.problem == "bad_request")
                }
            }
            #expect(try await admin.ask("GET", "/v1/scopes//limits").status == 404)
        }
    }

    @Test("invalid UTF-8 and incomplete percent encodings are 400")
    func bytes() async throws {
        try await withAdmin(waits: false) { admin in
            let rest =
                "HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer \(AdminHarness.tokens[.admin] ?? "")"
            for path in ["user:%FF", "user:%C3", "user:%ED%A0%80", "user:%2", "user:%", "user:%zz", "user:%+1"] {
                let answer = try await admin.raw("GET /v1/scopes/\(path)/limits \(rest)\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 400"), "\(path): \(answer)")
            }
        }
    }
}
