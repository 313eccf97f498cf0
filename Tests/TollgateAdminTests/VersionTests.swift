import Foundation
import Testing

@testable import TollgateAdmin

@Suite("Versions and preconditions")
struct VersionTests {
    /// A path and two bodies.
    private static let resources: [(path: String, first: String, second: String)] = [
        ("/v1/tiers/gold", #"{"limits":{"requests":{"1m":1}}}"#, #"{"limits":{"requests":{"1m":2}}}"#),
        ("/v1/assignments/user:alice", #"{"tier":"basic"}"#, #"{"tier":"basic","priority":7}"#),
        ("/v1/assignments/role:Faculty%20staff", #"{"tier":"basic"}"#, #"{"tier":"basic","enabled":false}"#),
        ("/v1/assignments/email_domain:example.com", #"{"tier":"basic"}"#, #"{"tier":"basic","priority":-7}"#),
        ("/v1/assignments/default", #"{"tier":"basic"}"#, #"{"tier":"basic","priority":1}"#),
        ("/v1/scopes/tool:search/limits", #"{"limits":{"requests":{"1m":1}}}"#, #"{"limits":{"cost":{"day":"0.5"}}}"#),
        ("/v1/accounts/main", #"{"provider":"openrouter"}"#, #"{"provider":"github","billing_day":7}"#),
        (
            "/v1/scopes/tool:search/override",
            #"{"limits":{"requests":{"1m":1}},"expires_at":"\#(inAnHour)","reason":"a"}"#,
            #"{"add":{"requests/1m":1},"expires_at":"\#(inAnHour)","reason":"b"}"#
        ),
    ]

    static var inAnHour: String { Date.now.addingTimeInterval(3_600).ISO8601Format() }

    private static let policy = "tiers: { basic: { limits: { requests: { 1h: 5 } } } }"

    @Test("resources are created, read, replaced and deleted with their current version")
    func life() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for (path, first, second) in Self.resources {
                func put(_ body: String, _ headers: [String: String] = [:]) async throws -> AdminHarness.Answer {
                    try await admin.ask("PUT", path, body, headers: headers)
                }
                #expect(try await admin.ask("DELETE", path).status == 404, "\(path)")
                #expect(try await put(first, ["If-Match": "*"]).status == 412)
                #expect(try await put(first, ["If-Match": "\"7000\""]).status == 412)

                let made = try await put(first)
                #expect(made.status == 201, "\(path): \(made.text)")
                let tag = try #require(made.tag)
                // Without the current version, the resource is neither replaced nor deleted.
                for answer in [try await put(second), try await admin.ask("DELETE", path)] {
                    #expect(answer.status == 428, "\(path): \(answer.text)")
                    #expect(answer.problem == "precondition_required")
                    #expect(answer["current"]?.text == tag)
                }
                for condition in [["If-Match": "\"7000\""], ["If-None-Match": "*"], ["If-Match": "\"0\""]] {
                    let answer = try await put(second, condition)
                    #expect(answer.status == 412, "\(path) \(condition): \(answer.text)")
                    #expect(answer.problem == "precondition_failed")
                    #expect(answer["current"]?.text == tag)
                }
                #expect(try await admin.ask("DELETE", path, headers: ["If-Match": "\"7000\""]).status == 412)

                let replaced = try await put(second, ["If-Match": tag])
                #expect(replaced.status == 200, "\(path): \(replaced.text)")
                #expect(replaced.tag != tag)
                #expect(try await put(first, ["If-Match": tag]).status == 412)
                let again = try await put(first, ["If-Match": "*"])
                #expect(again.status == 200)
                if !path.hasSuffix("override") {
                    let seen = try await admin.ask("GET", path)
                    #expect(seen.tag == again.tag)
                    #expect(seen.json == again.json)
                }
                let gone = try await admin.ask("DELETE", path, headers: ["If-Match": try #require(again.tag)])
                #expect(gone.status == 204, "\(path): \(gone.text)")
                #expect(gone.text == "")
                #expect(try await put(first, ["If-None-Match": "*"]).status == 201)
                #expect(try await admin.ask("DELETE", path, headers: ["If-Match": "*"]).status == 204)
            }
        }
    }

    @Test("invalid preconditions are 400")
    func conditions() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for headers in [
                ["If-Match": "7"], ["If-Match": "W/\"7\""], ["If-Match": "\"7\", \"8\""], ["If-Match": "\"\""],
                ["If-Match": "\"x\""], ["If-None-Match": "\"7\""], ["If-Match": "*", "If-None-Match": "*"],
            ] {
                let answer = try await admin.ask("PUT", "/v1/tiers/gold", #"{"limits":{}}"#, headers: headers)
                #expect(answer.status == 400, "\(headers)")
                #expect(try await admin.ask("DELETE", "/v1/tiers/gold", headers: headers).status == 400)
            }
        }
    }

    @Test("of two conflicting edits one is rejected, and of many concurrent ones one succeeds")
    func editors() async throws {
        try await withAdmin { admin in
            let path = "/v1/tiers/gold"
            _ = try await admin.ask("PUT", path, #"{"limits":{}}"#)
            let mine = try await admin.ask("GET", path)
            let theirs = try await admin.ask("GET", path)
            let tag = try #require(mine.tag)
            #expect(theirs.tag == tag)
            #expect(
                try await admin.ask("PUT", path, #"{"limits":{},"name":"mine"}"#, headers: ["If-Match": tag]).status
                    == 200)
            let late = try await admin.ask("PUT", path, #"{"limits":{},"name":"theirs"}"#, headers: ["If-Match": tag])
            #expect(late.status == 412)
            #expect(try await admin.ask("GET", path)["name"]?.text == "mine")

            let current = try #require(late["current"]?.text)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for place in 0..<8 {
                    group.addTask {
                        let body = #"{"limits":{},"name":"editor \#(place)"}"#
                        return try await admin.ask("PUT", path, body, headers: ["If-Match": current]).status
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses.filter { $0 == 200 }.count == 1)
            #expect(statuses.filter { $0 == 412 }.count == 7)
        }
    }

    @Test("an assigned tier cannot be deleted, unless the file defines it too")
    func inUse() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let any = ["If-Match": "*"]
            for tier in ["gold", "basic"] { _ = try await admin.ask("PUT", "/v1/tiers/\(tier)", #"{"limits":{}}"#) }
            for subject in ["user:alice", "role:R"] {
                let answer = try await admin.ask("PUT", "/v1/assignments/\(subject)", #"{"tier":"gold"}"#)
                #expect(answer.status == 201, "\(answer.text)")
                let kept = try await admin.ask("DELETE", "/v1/tiers/gold", headers: any)
                #expect(kept.status == 409, "\(subject): \(kept.text)")
                #expect(kept.problem == "conflict")
                #expect(try await admin.ask("DELETE", "/v1/assignments/\(subject)", headers: any).status == 204)
            }
            #expect(try await admin.ask("DELETE", "/v1/tiers/gold", headers: any).status == 204)
            _ = try await admin.ask("PUT", "/v1/assignments/default", #"{"tier":"basic"}"#)
            #expect(try await admin.ask("DELETE", "/v1/tiers/basic", headers: any).status == 204)
            let fromFile = try await admin.ask("DELETE", "/v1/tiers/basic", headers: any)
            #expect(fromFile.status == 409)
            #expect(fromFile["detail"]?.text?.contains("comes from the policy file") == true)
        }
    }

    @Test("settings of the file have version 0, and apply again after their replacement is deleted")
    func file() async throws {
        let policy = Self.policy + "\nassignments: [{ role: R, tier: basic }, { user: bob, tier: basic }]\n"
        try await withAdmin(policy: policy) { admin in
            for path in ["/v1/tiers/basic", "/v1/assignments/role:R", "/v1/assignments/user:bob"] {
                let answer = try await admin.ask("GET", path)
                #expect(answer.tag == "\"0\"", "\(path)")
                #expect(answer["origin"]?.text == "file")
                #expect(answer["version"] == .null)
                let body = path.contains("tiers") ? #"{"limits":{}}"# : #"{"tier":"basic","priority":1}"#
                #expect(try await admin.ask("PUT", path, body, headers: ["If-Match": "\"0\""]).status == 201)
                let replaced = try await admin.ask("GET", path)
                #expect(replaced["origin"]?.text == "admin")
                #expect(try await admin.ask("DELETE", path, headers: ["If-Match": "*"]).status == 204)
                #expect(try await admin.ask("GET", path).json == answer.json)
            }
        }
    }
}
