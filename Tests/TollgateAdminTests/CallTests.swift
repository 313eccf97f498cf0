import Foundation
import NIOCore
import Testing
import TollgateCore
import TollgateTestSupport
import TollgateWire

@testable import TollgateAdmin

@Suite("Call routes")
struct CallTests {
    private static let policy = """
        defaults:
          user: { requests: { 1m: 3 }, cost: { day: 10 } }
        scopes:
          tool:big: { tokens: { request: 100 } }
          tool:off: { requests: { 1m: 0 } }
          tool:one: { concurrent: 1 }
          tool:much: { cost: { total: 9000000 } }
        """

    @Test("ALLOW is 200 with the tightest limit and its fields")
    func allow() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let caller = AdminHarness.tokens[.caller]
            let answer = try await admin.ask("POST", "/v1/check", #"{"scopes":{"user":"alice"}}"#, token: caller)
            #expect(answer.status == 200)
            #expect(answer["decision"]?.text == "allow")
            #expect(answer["limit"]?.text == "user:alice/requests/1m")
            #expect(answer["max"] == .integer(3))
            #expect(answer["used"] == .integer(1))
            #expect(answer["remaining"] == .integer(2))
            #expect(answer["degraded"] == .bool(false))
            #expect(answer["shadow"] == .array([]))
            #expect(answer["reason"] == nil)
            #expect(answer.headers["ratelimit-policy"] == #""user:alice/requests/1m";q=3;w=60"#)
            let limit = try #require(answer.headers["ratelimit"])
            #expect(limit.wholeMatch(of: /"user:alice\/requests\/1m";r=2;t=(5[0-9]|6[0-2])/) != nil, "\(limit)")
            let none = try await admin.ask("POST", "/v1/check", #"{"scopes":{"team":"x"}}"#, token: caller)
            #expect(
                none.json
                    == .object([
                        "decision": .string("allow"), "degraded": .bool(false), "shadow": .array([]),
                        "warnings": .array([]),
                    ]))
            #expect(none.headers["ratelimit"] == nil)
        }
    }

    @Test("an empty body is an error that shows one")
    func emptyBody() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for (verb, field, example) in [
                ("check", "scopes", #"{"scopes":{"user":"alice"}}"#),
                ("commit", "reservation", #"{"reservation":"…"}"#),
            ] {
                let answer = try await admin.ask("POST", "/v1/\(verb)")
                #expect(answer.status == 422)
                #expect(answer.fields == [field])
                let sentence = "\(field): is missing: the body is empty; expected an object such as \(example)"
                #expect(answer["detail"]?.text == sentence, "\(answer.text)")
            }
        }
    }

    @Test("DENY is a 429 problem with the decision's fields and Retry-After")
    func deny() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            let body = #"{"scopes":{"user":"alice"}}"#
            for _ in 0..<3 { #expect(try await admin.ask("POST", "/v1/check", body).status == 200) }
            let answer = try await admin.ask("POST", "/v1/check", body)
            #expect(answer.status == 429)
            #expect(answer.headers["content-type"] == "application/problem+json")
            #expect(answer.problem == "rate_limited")
            #expect(answer["type"]?.text == "https://iana.org/assignments/http-problem-types#quota-exceeded")
            #expect(answer["violated-policies"] == .array([.string("user:alice/requests/1m")]))
            #expect(answer.headers["x-should-retry"] == nil)
            #expect(answer["status"] == .integer(429))
            #expect(answer["decision"]?.text == "deny")
            #expect(answer["reason"]?.text == "rate_limited")
            #expect(answer["source"]?.text == "defaults")
            #expect(answer["remaining"] == .integer(0))
            let wait: Double
            switch answer["retry_after"] {
            case .decimal(let seconds): wait = NSDecimalNumber(decimal: seconds).doubleValue
            case .integer(let seconds): wait = Double(seconds)
            default: throw TestFailure("no retry_after in \(answer.text)")
            }
            #expect(answer.headers["retry-after"] == "\(Int(wait.rounded(.up)))")
            #expect(answer.headers["ratelimit"] == #""user:alice/requests/1m";r=0;t=\#(Int(wait.rounded(.up)))"#)
        }
    }

    @Test("a denial that waiting does not change is 422, 403 or a final 429, for every verb that decides")
    func finalDenials() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            for verb in ["check", "peek", "reserve"] {
                for (body, reason, status) in [
                    (#"{"scopes":{"tool":"big"},"tokens":101}"#, "too_large", 422),
                    (#"{"scopes":{"tool":"off"}}"#, "blocked", 403),
                    (#"{"scopes":{"user":"bob"},"cost":"10.5"}"#, "quota_exceeded", 429),
                    (#"{"scopes":{"user":"bob"},"requests":4}"#, "rate_limited", 429),
                ] {
                    let answer = try await admin.ask("POST", "/v1/\(verb)", body)
                    #expect(answer.status == status, "\(answer.text)")
                    #expect(answer["status"] == .integer(Int64(status)))
                    #expect(answer["decision"]?.text == "deny")
                    #expect(answer["reason"]?.text == reason)
                    #expect(answer.problem == reason)
                    let type = answer["type"]?.text
                    #expect(status == 429 || type == "urn:tollgate:problem:\(reason)", "\(answer.text)")
                    #expect((answer["violated-policies"] != nil) == (status == 429), "\(answer.text)")
                    #expect(answer.headers["x-should-retry"] == "false", "\(answer.headers)")
                    #expect(answer.headers["retry-after"] == nil)
                    let isTooMuch = answer["detail"]?.text?.hasSuffix("; this call alone exceeds the limit") == true
                    #expect(isTooMuch == (reason != "blocked"), "\(answer.text)")
                }
            }
        }
    }

    @Test("a full concurrency limit is 429 and may be retried, although no time is known")
    func concurrency() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            #expect(try await admin.ask("POST", "/v1/reserve", #"{"scopes":{"tool":"one"}}"#).status == 200)
            let second = try await admin.ask("POST", "/v1/reserve", #"{"scopes":{"tool":"one"}}"#)
            #expect(second.status == 429)
            #expect(second.problem == "concurrency")
            #expect(second["limit"]?.text == "tool:one/concurrent")
            #expect(second.headers["x-should-retry"] == nil)
        }
    }

    @Test("a total limit that is used up is a final 429")
    func usedUp() async throws {
        try await withAdmin(policy: "defaults: { user: { cost: { total: 1 } } }") { admin in
            _ = try await admin.ask("POST", "/v1/record", #"{"scopes":{"user":"a"},"cost":"1"}"#)
            let answer = try await admin.ask("POST", "/v1/check", #"{"scopes":{"user":"a"},"cost":"0.5"}"#)
            #expect(answer.status == 429)
            #expect(answer.headers["x-should-retry"] == "false")
        }
    }

    @Test("a decision that Redis's outage prevents is 503 with the draft's type for reduced capacity")
    func reducedCapacity() async throws {
        let policy = "defaults: { user: { cost: { day: { max: 1, on_redis_failure: closed } } } }"
        try await withAdmin(policy: policy) { admin in
            _ = try await admin.ask("POST", "/v1/check", #"{"scopes":{"user":"a"},"cost":"0.5"}"#)
            admin.redis.stop()
            var answer = try await admin.ask("POST", "/v1/check", #"{"scopes":{"user":"a"},"cost":"0.5"}"#)
            try await eventually {
                answer = try await admin.ask("POST", "/v1/check", #"{"scopes":{"user":"a"},"cost":"0.5"}"#)
                return answer.status == 503
            }
            #expect(answer.problem == "unavailable")
            let type = answer["type"]?.text
            #expect(type == "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity")
        }
    }

    @Test("money is text, and its RateLimit fields are nano-units unless too long")
    func money() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            _ = try await admin.ask("POST", "/v1/record", #"{"scopes":{"user":"alice"},"cost":9.75}"#)
            let answer = try await admin.ask("POST", "/v1/peek", #"{"scopes":{"user":"alice"},"cost":"0.000000001"}"#)
            #expect(answer["limit"]?.text == "user:alice/cost/day")
            #expect(answer["used"]?.text == "9.75")
            #expect(answer["max"]?.text == "10")
            #expect(answer["remaining"]?.text == "0.25")
            #expect(
                answer.headers["ratelimit-policy"] == #""user:alice/cost/day";q=10000000000;qu="nano-currency""#)
            #expect(answer.headers["ratelimit"]?.hasPrefix(#""user:alice/cost/day";r=250000000;t="#) == true)
            let long = try await admin.ask("POST", "/v1/peek", #"{"scopes":{"tool":"much"}}"#)
            #expect(long["max"]?.text == "9000000")
            #expect(long.headers["ratelimit"] == nil)
        }
    }

    @Test(
        "records and commits past a threshold return the same warnings as the line protocol")
    func warnings() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            func post(_ verb: String, _ body: String) async throws -> JSONValue? {
                try await admin.ask("POST", "/v1/\(verb)", body)["warnings"]
            }
            #expect(try await post("record", #"{"scopes":{"user":"a"},"cost":"7"}"#) == .array([]))
            let eighty = JSONValue.array([.string("user:a/cost/day:80")])
            #expect(try await post("record", #"{"scopes":{"user":"a"},"cost":"1"}"#) == eighty)
            let reserved = try await admin.ask("POST", "/v1/reserve", #"{"scopes":{"user":"a"},"cost":"1"}"#)
            let token = try #require(reserved["reservation"]?.text)
            let ninety = JSONValue.array([.string("user:a/cost/day:95")])
            #expect(try await post("commit", #"{"reservation":"\#(token)","cost":"1.5"}"#) == ninety)
        }
    }

    @Test("RECORD, RESERVE, COMMIT and CANCEL count once")
    func counting() async throws {
        try await withAdmin(policy: Self.policy) { admin in
            func post(_ verb: String, _ body: String) async throws -> AdminHarness.Answer {
                try await admin.ask("POST", "/v1/\(verb)", body)
            }
            let record = #"{"scopes":{"user":"alice"},"cost":"1","id":"r1"}"#
            #expect(
                try await post("record", record).text
                    == #"{"duplicate":false,"queued":false,"status":"ok","warnings":[]}"# + "\n")
            #expect(try await post("record", record)["duplicate"] == .bool(true))
            #expect(try await post("refund", #"{"scopes":{"user":"alice"},"cost":"0.5"}"#).status == 200)
            let reserved = try await post("reserve", #"{"scopes":{"user":"alice"},"cost":"2","ttl":30}"#)
            let token = try #require(reserved["reservation"]?.text)
            let held = try await post("peek", #"{"scopes":{"user":"alice"},"cost":"8"}"#)
            #expect(held["held"]?.text == "2")
            let commit = #"{"reservation":"\#(token)","cost":"1.5"}"#
            let receipt = try await post("commit", commit)
            #expect(
                receipt.json
                    == .object([
                        "status": .string("ok"), "duplicate": .bool(false), "queued": .bool(false),
                        "late": .bool(false), "warnings": .array([]),
                    ]))
            #expect(try await post("commit", commit)["duplicate"] == .bool(true))
            #expect(try await post("cancel", #"{"reservation":"\#(token)"}"#)["duplicate"] == .bool(true))
            #expect(try await post("commit", #"{"reservation":"nonsense"}"#).status == 400)
            #expect(try await post("record", #"{"scopes":{"user":"alice"}}"#).status == 400)
            let used = try await admin.lineClient().ask("PEEK user=alice cost=9")[0]
            #expect(used.contains("used=2 "), "\(used)")
        }
    }

    @Test("a sequence of requests has the same decisions as over the line protocol", arguments: [UInt64(1), 2, 3])
    func sameAsSocket(seed: UInt64) async throws {
        let policy = """
            defaults:
              user: { requests: { 1h: 7 }, cost: { total: 5 }, tokens: { 1h: 900 } }
              tool: { requests: { 1h: 12, request: 2 } }
              user+tool: { requests: { 1h: { max: 3, mode: shadow } }, concurrent: 2 }
            """
        try await withAdmin(policy: policy) { admin in
            try await withAdmin(policy: policy) { twin in
                var random = SeededGenerator(seed: seed)
                let client = try twin.lineClient()
                for step in 0..<150 {
                    let call = RandomCall(using: &random)
                    let answer = try await admin.ask("POST", "/v1/\(call.verb)", call.json)
                    let line = try await client.ask(call.line)[0]
                    #expect(
                        call.isSame(answer, line), "seed \(seed), step \(step): \(call.line)\n\(line)\n\(answer.text)")
                }
            }
        }
    }
}

/// One request for both protocols.
private struct RandomCall {
    var verb: String
    var json: String
    var line: String

    init(using random: inout SeededGenerator) {
        verb = ["check", "check", "peek", "record", "refund", "reserve"].randomElement(using: &random) ?? "check"
        let user = ["alice", "bob", "a b/{}%", "zoë"].randomElement(using: &random) ?? ""
        let tool = ["search", "mail"].randomElement(using: &random) ?? ""
        let cost = ["0", "0.25", "1", "2.000000001"].randomElement(using: &random) ?? ""
        let tokens = Int.random(in: 0...200, using: &random)
        let requests = Int.random(in: 0...3, using: &random)
        json =
            #"{"scopes":{"user":"\#(user)","tool":"\#(tool)"},"requests":\#(requests),"tokens":\#(tokens),"cost":"\#(cost)"}"#
        line = #"\#(verb) user="\#(user)" tool=\#(tool) requests=\#(requests) tokens=\#(tokens) cost=\#(cost)"#
    }

    /// Compares everything but times and the reservation's token.
    func isSame(_ answer: AdminHarness.Answer, _ line: String) -> Bool {
        let reply = line.utf8.withContiguousStorageIfAvailable { try? ReplyParser.parse(UnsafeRawBufferPointer($0)) }
        switch reply {
        case .decision(let decision):
            let known = [
                "decision", "reason", "limit", "max", "used", "held", "remaining", "source", "shadow", "warnings",
                "degraded",
            ]
            let expected = try? JSONValue(parsing: JSONEncoder().encode(DecisionView(decision))).members
            let statuses: [DenialReason?: Int] = [nil: 200, .tooLarge: 422, .blocked: 403]
            return answer.status == statuses[decision.reason, default: 429]
                && known.allSatisfy { answer[$0] == expected?[$0] }
                && (answer["reservation"] != nil) == (decision.reservation != nil)
                && (answer["retry_after"] != nil) == (decision.retryAfter != nil)
        case .ok: return answer.status == 200 && answer["status"]?.text == "ok"
        case .error(let code, _): return answer.status >= 400 && answer.problem == code
        case .json, .alert, .pong, nil, .some(nil): return false
        }
    }
}
