import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateAdmin

@Suite("Invalid requests")
struct BadRequestTests {
    @Test("unknown paths and methods are problems too")
    func unrouted() async throws {
        try await withAdmin(waits: false) { admin in
            for path in [
                "/", "/v1", "/v1/tier", "/v1/tiers/basic/limits", "/v1/scopes/limits", "/v2/tiers", "/v1/tiers/",
                "//v1//tiers",
                "/v1//tiers", "/v1/tiers/basic/", "//healthz", "/healthz/", "/v1/users//",
            ] {
                let answer = try await admin.ask("GET", path)
                #expect(answer.status == 404, "\(path)")
                #expect(answer.problem == "not_found")
                #expect(answer.headers["content-type"] == "application/problem+json")
                #expect(answer.headers["cache-control"] == "no-store")
            }
            for (method, path, allow) in [
                ("POST", "/v1/tiers", "GET, HEAD"), ("PATCH", "/v1/tiers/basic", "DELETE, GET, HEAD, PUT"),
                ("GET", "/v1/check", "POST"), ("OPTIONS", "/v1/scopes/user:a/override", "DELETE, PUT"),
            ] {
                let answer = try await admin.ask(method, path)
                #expect(answer.status == 405, "\(method) \(path)")
                #expect(answer.problem == "method_not_allowed")
                #expect(answer.headers["allow"] == allow)
            }
        }
    }

    @Test("HEAD is GET without a body")
    func head() async throws {
        try await withAdmin(waits: false) { admin in
            let answer = try await admin.ask("HEAD", "/healthz", token: nil)
            #expect(answer.status == 200)
            #expect(answer.text == "")
            #expect(try await admin.ask("HEAD", "/v1/tiers", token: nil).status == 401)
        }
    }

    @Test("bodies that are not JSON are 400")
    func notJSON() async throws {
        try await withAdmin { admin in
            let deep = String(repeating: "[", count: 100_000)
            for body in [
                "{", #"{"tier":"a","tier":"b","limits":{}}"#, #"{"limits":{},"limits":{}}"#, "", "nonsense",
                "{\"limits\":}", "{} {}", "\u{FEFF}{", deep,
            ] {
                for path in ["/v1/tiers/basic", "/v1/assignments/default", "/v1/scopes/user:a/override"] {
                    let answer = try await admin.ask("PUT", path, body)
                    #expect(answer.status == 400, "\(path) \(body.prefix(20)): \(answer.text)")
                    #expect(answer.problem == "bad_request")
                    #expect(answer["detail"]?.text?.hasPrefix("the body ") == true, "\(answer.text)")
                }
                if !body.isEmpty { #expect(try await admin.ask("POST", "/v1/check", body).status == 400) }
            }
        }
    }

    @Test("unknown fields and wrong types are named")
    func fields() async throws {
        try await withAdmin { admin in
            for (method, path, body, field) in Self.wrongFields {
                let answer = try await admin.ask(method, path, body)
                #expect(answer.status == 422, "\(path) \(body): \(answer.text)")
                #expect(answer.problem == "invalid")
                #expect(answer.fields.contains(field), "\(path) \(body): \(answer.text)")
            }
        }
    }

    /// Method, path, body, and the invalid field.
    private static let wrongFields: [(String, String, String, String)] = [
        ("PUT", "/v1/tiers/basic", #"{"limits":{},"nam":"x"}"#, "nam"),
        ("PUT", "/v1/tiers/basic", #"{"limits":{"requests":{"1m":"60"}}}"#, "limits.requests.1m"),
        ("PUT", "/v1/tiers/basic", #"{"limits":{"cost":{"month":"a lot"}}}"#, "limits.cost.month"),
        ("PUT", "/v1/tiers/basic", #"{"limits":{"cost":{"month":-1}}}"#, "limits.cost.month"),
        ("PUT", "/v1/tiers/basic", #"{"limits":[]}"#, "limits"),
        ("PUT", "/v1/tiers/basic", #"{"limits":{},"reset_hour":24}"#, "reset_hour"),
        ("PUT", "/v1/tiers/basic", #"{"limits":{},"timezone":"Mars/Olympus"}"#, "timezone"),
        ("PUT", "/v1/tiers/basic", #"{}"#, "limits"),
        ("PUT", "/v1/tiers/basic", #"[]"#, ""),
        ("PUT", "/v1/assignments/role:R", #"{"tier":7}"#, "tier"),
        ("PUT", "/v1/assignments/role:R", #"{"tier":"basic","priority":"high"}"#, "priority"),
        ("PUT", "/v1/assignments/role:R", #"{"tier":"basic","enabled":1}"#, "enabled"),
        ("PUT", "/v1/assignments/role:R", #"{"tier":"no-such-tier"}"#, "tier"),
        ("PUT", "/v1/scopes/user:a/limits", #"{"requests":{"1m":1}}"#, "limits"),
        ("PUT", "/v1/scopes/user:a/limits", #"{"limits":{"requests":{"1x":1}}}"#, "limits.requests.1x"),
        ("PUT", "/v1/scopes/user:a/limits", #"{"limits":{"cost":{"day":0.0000000001}}}"#, "limits.cost.day"),
        ("PUT", "/v1/scopes/user:a/override", #"{"reason":"x","add":{"cost/month":"5"}}"#, "expires_at"),
        (
            "PUT", "/v1/scopes/user:a/override",
            #"{"reason":"x","add":{"cost/month":"5"},"expires_at":"2020-01-01T00:00:00Z"}"#, "expires_at"
        ),
        (
            "PUT", "/v1/scopes/user:a/override",
            #"{"reason":"x","add":{"cost/month":"5"},"expires_at":"2999-01-01T00:00:00Z"}"#, "expires_at"
        ),
        ("POST", "/v1/scopes/user:a/reset", #"{"limits":["concurrent"]}"#, "limits[0]"),
        ("POST", "/v1/scopes/user:a/reset", #"{"limits":["requests/1m","cost/request"]}"#, "limits[1]"),
        ("POST", "/v1/scopes/user:a/reset", #"{"limits":["requests"]}"#, "limits[0]"),
        ("POST", "/v1/scopes/user:a/reset", #"{"limits":[]}"#, "limits"),
        ("POST", "/v1/scopes/user:a/reset", #"{"limits":"all"}"#, "limits"),
        ("POST", "/v1/scopes/user:a/reset", #"{"limit":["requests/1m"]}"#, "limit"),
        ("POST", "/v1/check", #"{}"#, "scopes"),
        ("POST", "/v1/check", "", "scopes"), ("POST", "/v1/commit", "", "reservation"),
        ("POST", "/v1/check", #"{"scopes":{"user":"a"},"requests":null}"#, "requests"),
        ("POST", "/v1/check", #"{"scopes":{"user":"a"},"tokens":null}"#, "tokens"),
        ("POST", "/v1/record", #"{"scopes":{"user":"a"},"cost":null}"#, "cost"),
        ("POST", "/v1/record", #"{"scopes":{"user":"a"},"id":null}"#, "id"),
        ("POST", "/v1/check", #"{"scopes":{"user":"a"},"roles":null}"#, "roles"),
        ("POST", "/v1/check", #"{"scopes":{"user":"a"},"email":null}"#, "email"),
        ("POST", "/v1/reserve", #"{"scopes":{"user":"a"},"ttl":null}"#, "ttl"),
        ("POST", "/v1/check", #"{"scopes":null}"#, "scopes"),
        ("POST", "/v1/check", #"{"scopes":[]}"#, "scopes"),
        ("POST", "/v1/check", #"{"scopes":{"user":7}}"#, "scopes.user"),
        ("POST", "/v1/check", #"{"scopes":{"user":""}}"#, "scopes.user"),
        ("POST", "/v1/check", #"{"scopes":{"User":"a"}}"#, "scopes.User"),
        ("POST", "/v1/check", #"{"scopes":{"cost":"a"}}"#, "scopes.cost"),
        ("POST", "/v1/check", #"{"scopes":{"user":"a\nRECORD user=b cost=1"}}"#, "scopes.user"),
        ("POST", "/v1/check", #"{"scopes":{},"requests":"1"}"#, "requests"),
        ("POST", "/v1/check", #"{"scopes":{},"requests":-1}"#, "requests"),
        ("POST", "/v1/check", #"{"scopes":{},"requests":1.5}"#, "requests"),
        ("POST", "/v1/check", #"{"scopes":{},"tokens":1e30}"#, "tokens"),
        ("POST", "/v1/check", #"{"scopes":{},"cost":true}"#, "cost"),
        ("POST", "/v1/check", #"{"scopes":{},"cost":-0.5}"#, "cost"),
        ("POST", "/v1/check", #"{"scopes":{},"cost":"0.1234567891"}"#, "cost"),
        ("POST", "/v1/check", #"{"scopes":{},"cost":1e7}"#, "cost"),
        ("POST", "/v1/check", #"{"scopes":{},"roles":"Faculty"}"#, "roles"),
        ("POST", "/v1/check", #"{"scopes":{},"roles":["a","b,c"]}"#, "roles"),
        ("POST", "/v1/check", #"{"scopes":{},"roles":[""]}"#, "roles[0]"),
        ("POST", "/v1/check", #"{"scopes":{},"email":"a\u0000b"}"#, "email"),
        ("POST", "/v1/check", #"{"scopes":{},"ttl":60}"#, "ttl"),
        ("POST", "/v1/reserve", #"{"scopes":{},"ttl":0}"#, "ttl"),
        ("POST", "/v1/reserve", #"{"scopes":{},"on_expiry":"keep"}"#, "on_expiry"),
        ("POST", "/v1/check", #"{"scopes":{},"on_expiry":"charge"}"#, "on_expiry"),
        ("POST", "/v1/check", #"{"scopes":{},"id":"x"}"#, "id"),
        ("POST", "/v1/record", #"{"scopes":{},"cost":"1","id":""}"#, "id"),
        ("POST", "/v1/commit", #"{"cost":"1"}"#, "reservation"),
        ("POST", "/v1/cancel", #"{"reservation":"x","cost":"1"}"#, "cost"),
    ]

    @Test("all invalid fields are named at once")
    func several() async throws {
        try await withAdmin(waits: false) { admin in
            let answer = try await admin.ask(
                "POST", "/v1/check", #"{"scopes":{"user":7},"requests":-1,"x":1,"cost":"-"}"#)
            #expect(Set(answer.fields) == ["scopes.user", "requests", "x", "cost"])
        }
    }

    @Test("a body full of errors is answered quickly with a bounded list")
    func manyMistakes() async throws {
        try await withAdmin { admin in
            let keys = (0..<50_000).map { "\"key\($0)\":[]" }.joined(separator: ",")
            let answer = try await admin.ask("POST", "/v1/check", "{\(keys)}")
            #expect(answer.status == 422)
            #expect(answer.fields.count == 100)
            let lists = "{\"scopes\":[" + Array(repeating: "[]", count: 300_000).joined(separator: ",") + "]}"
            let start = ContinuousClock.now
            #expect(try await admin.ask("POST", "/v1/check", lists).status == 422)
            #expect(ContinuousClock.now - start < .seconds(10))
        }
    }

    @Test("corrupted bodies never cause an internal error", arguments: [UInt64(1), 2])
    func mutated(seed: UInt64) async throws {
        try await withAdmin { admin in
            var random = SeededGenerator(seed: seed)
            let bodies = [
                (
                    "PUT", "/v1/tiers/t",
                    #"{"limits":{"cost":{"month":"500"},"requests":{"1m":{"max":60,"mode":"shadow"}}}}"#
                ),
                ("PUT", "/v1/assignments/user:u", #"{"tier":"t","priority":-20,"enabled":true}"#),
                ("PUT", "/v1/scopes/user:u/limits", #"{"limits":{"tokens":{"day":1000},"concurrent":null}}"#),
                (
                    "PUT", "/v1/scopes/user:u/override",
                    #"{"add":{"cost/month":"5"},"expires_at":"\#(VersionTests.inAnHour)","reason":"r"}"#
                ),
                ("POST", "/v1/scopes/user:u/reset", #"{"limits":["requests/1m","cost/month"]}"#),
                (
                    "POST", "/v1/check",
                    #"{"scopes":{"user":"u"},"requests":1,"cost":0.25,"roles":["R"],"email":"a@b.c"}"#
                ),
                ("POST", "/v1/commit", #"{"reservation":"AbJlZDU5Mzc1","tokens":7}"#),
            ]
            for _ in 0..<400 {
                guard let (method, path, body) = bodies.randomElement(using: &random) else { break }
                var bytes = Array(body.utf8)
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let place = Int.random(in: bytes.indices, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: bytes[place] = UInt8.random(in: 0x20...0x7e, using: &random)
                    case 1: bytes.remove(at: place)
                    default: bytes.insert("{}[]\",:0.-e".utf8.randomElement(using: &random) ?? 0, at: place)
                    }
                }
                let text = String(decoding: bytes, as: UTF8.self)
                let answer = try await admin.ask(method, path, text, headers: ["If-Match": "*"])
                #expect(answer.status < 500, "seed \(seed): \(method) \(path) \(text): \(answer.text)")
            }
        }
    }

    @Test("a body over 1 MiB is 413, and the connection stays usable")
    func large() async throws {
        try await withAdmin { admin in
            let body = #"{"limits":{},"name":""# + String(repeating: "x", count: 1 << 20) + "\"}"
            for (method, path) in [("PUT", "/v1/tiers/basic"), ("POST", "/v1/check"), ("POST", "/v1/policy/validate")] {
                let answer = try await admin.ask(method, path, body)
                #expect(answer.status == 413)
                #expect(answer.problem == "body_too_large")
            }
            #expect(try await admin.ask("GET", "/healthz").status == 200)
        }
    }

    @Test("a body of another type is 415, and one without a type is JSON")
    func mediaType() async throws {
        try await withAdmin { admin in
            let body = #"{"scopes":{"user":"a"}}"#
            for type in [
                "text/plain", "application/x-www-form-urlencoded", "application/jsonx",
                "multipart/form-data; boundary=x",
            ] {
                let answer = try await admin.ask("POST", "/v1/check", body, headers: ["Content-Type": type])
                #expect(answer.status == 415, "\(type)")
                #expect(answer.problem == "unsupported_media_type")
            }
            for type in ["application/json; charset=utf-8", "Application/JSON"] {
                #expect(try await admin.ask("POST", "/v1/check", body, headers: ["Content-Type": type]).status == 200)
            }
            let host =
                "Host: localhost\r\nAuthorization: Bearer \(AdminHarness.tokens[.admin] ?? "")\r\nConnection: close\r\n"
            let raw = try await admin.raw(
                "POST /v1/check HTTP/1.1\r\n\(host)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            #expect(raw.hasPrefix("HTTP/1.1 200"))
        }
    }

    @Test("queries are validated")
    func queries() async throws {
        try await withAdmin { admin in
            for path in [
                "/v1/assignments?limit=0", "/v1/assignments?limit=1001", "/v1/assignments?limit=x",
                "/v1/assignments?limt=5", "/v1/assignments?limit=5&limit=6", "/v1/audit?cursor=%ff",
                "/v1/audit?limit=-1",
                "/v1/scopes", "/v1/scopes?kind=User", "/v1/scopes?kind=user+user", "/v1/users/alice?role=x",
                "/v1/users/alice?email=a%00b", "/v1/users/alice?roles=", "/v1/users/alice?email=",
                "/v1/users/alice?roles=" + String(repeating: "x", count: 1_025),
                "/v1/tiers?x=1", "/v1/audit?cursor=nonsense", "/v1/assignments?cursor=nonsense",
                "/v1/scopes?kind=user&cursor=nonsense",
            ] {
                let answer = try await admin.ask("GET", path)
                #expect(answer.status == 400, "\(path): \(answer.text)")
                #expect(answer.problem == "bad_request")
            }
        }
    }
}
