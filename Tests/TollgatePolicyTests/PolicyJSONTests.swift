import Foundation
import Testing

@testable import TollgateCore
@testable import TollgatePolicy

@Suite("Parts of a policy in JSON")
struct PolicyJSONTests {
    private func problems(_ body: () throws(PolicyError) -> Void) -> [String] {
        do throws(PolicyError) {
            try body()
            return []
        } catch {
            return error.problems.map { "\($0.path): \($0.sentence)" }
        }
    }

    private func problems(ofTier json: String) -> [String] {
        problems { () throws(PolicyError) in _ = try PolicyJSON.tier(Data(json.utf8), id: "a", .nano) }
    }

    private static let mapOfMeters = "expected a map of meters such as { requests: { 1m: 60 } }"
    private static let moneyWords = "expected a decimal number such as 0.25, or null for unlimited"
    private static let countWords = "expected a whole number such as 60, or null for unlimited"

    @Test(
        "errors of a tier name the field",
        arguments: [
            ("", ": not valid JSON"), ("{", ": not valid JSON"), ("{\"limits\":{}} x", ": not valid JSON"),
            ("[]", ": expected a map such as { limits: { cost: { month: 100 } } }"),
            ("null", ": expected a map such as { limits: { cost: { month: 100 } } }"),
            ("{}", "limits: is missing"), (#"{"limits":null}"#, "limits: \(mapOfMeters)"),
            (
                #"{"limits":{},"nome":"A"}"#,
                "nome: unknown key; did you mean name? (expected one of name, description, enabled, limits, timezone, reset_hour, billing_day)"
            ),
            (#"{"limits":{},"name":5}"#, "name: expected text"), (#"{"limits":{},"name":true}"#, "name: expected text"),
            (#"{"limits":{},"name":null}"#, "name: expected text"),
            (#"{"limits":{},"timezone":5}"#, "timezone: expected a time zone such as Europe/Berlin"),
            (
                #"{"limits":{},"reset_hour":"6"}"#,
                "reset_hour: expected a whole number from 0 to 23, found text in quotes: \"6\""
            ),
            (#"{"limits":{},"billing_day":1.5}"#, "billing_day: expected a whole number from 1 to 31, found 1.5"),
            (
                #"{"limits":{"requests":{"1m":"60"}}}"#,
                "limits.requests.1m: \(countWords), found text in quotes: \"60\""
            ),
            (#"{"limits":{"requests":{"1m":1.5}}}"#, "limits.requests.1m: \(countWords), found 1.5"),
            (#"{"limits":{"requests":{"1m":-1}}}"#, "limits.requests.1m: \(countWords), found -1"),
            (#"{"limits":{"requests":{"1m":true}}}"#, "limits.requests.1m: \(countWords), found true"),
            (#"{"limits":{"requests":{"1m":9000000000000001}}}"#, "limits.requests.1m: more than 9000000000000000"),
            (#"{"limits":{"requests":{"1m":99999999999999999999}}}"#, "limits.requests.1m: more than 9000000000000000"),
            (
                #"{"limits":{"cost":{"month":"5,0"}}}"#,
                "limits.cost.month: \(moneyWords), found text in quotes: \"5,0\""
            ),
            (
                #"{"limits":{"cost":{"month":"1e3"}}}"#,
                "limits.cost.month: \(moneyWords), found text in quotes: \"1e3\""
            ),
            (#"{"limits":{"cost":{"month":{}}}}"#, "limits.cost.month: max is missing"),
            (
                #"{"limits":{"cost":{"month":{"max":"5","mode":"off"}}}}"#,
                "limits.cost.month.mode: expected enforce or shadow, found text in quotes: \"off\""
            ),
            (
                #"{"limits":{"cost":{"month":{"max":"5","mode":null}}}}"#,
                "limits.cost.month.mode: expected enforce or shadow"
            ),
            (
                #"{"limits":{"concurrent":{"max":5,"thresholds":[80]}}}"#,
                "limits.concurrent.thresholds: unknown key; expected one of max, mode, on_redis_failure"
            ),
            (#"{"limits":{"requests":{"60s":1,"1m":2}}}"#, "limits.requests.60s: the same period as 1m on line 1"),
        ])
    func tier(json: String, problem: String) {
        #expect(problems(ofTier: json) == [problem])
    }

    @Test("all invalid fields are reported")
    func several() {
        #expect(
            problems(ofTier: #"{"limits":{"cost":{"month":"x"},"requests":{"1x":5}},"reset_hour":24}"#).count == 3)
    }

    @Test("money is text or a number, and never a double")
    func money() throws {
        func max(_ json: String) throws -> Int64? {
            try PolicyJSON.limits(Data(#"{"cost":{"month":\#(json)}}"#.utf8), .nano)[0].max
        }
        #expect(try max("\"0.1\"") == 100_000_000)
        #expect(try max("0.1") == 100_000_000)
        #expect(try max("\"8999999.123456789\"") == 8_999_999_123_456_789)
        #expect(try max("8999999.123456789") == 8_999_999_123_456_789)
        #expect(try max("100.10") == 100_100_000_000)
        #expect(try max("1e3") == 1_000_000_000_000)
        #expect(try max("0") == 0)
        #expect(try max("null") == nil)
        #expect(throws: PolicyError.self) { try max("0.0000000001") }
        #expect(throws: PolicyError.self) { try max("\"9000000.000000001\"") }
        #expect(
            try PolicyJSON.limits(Data(#"{"tokens":{"total":9000000000000000}}"#.utf8), .nano)[0].max
                == 9_000_000_000_000_000)
    }

    @Test("JSON that is nested too deeply, or not UTF-8, is rejected")
    func depth() {
        let deep = String(repeating: "{\"a\":", count: 400) + "1" + String(repeating: "}", count: 400)
        #expect(problems(ofTier: deep) == [": not valid JSON"])
        #expect(
            problems { () throws(PolicyError) in _ = try PolicyJSON.limits(Data([0x7b, 0x22, 0xff, 0x22, 0x7d]), .nano)
            }
                == [": not valid JSON"])
    }

    @Test(
        "errors of an assignment name the field",
        arguments: [
            ("{}", "tier: is missing"), ("5", ": expected an object such as {\"tier\":\"premium\"}"),
            (#"{"tier":5}"#, "tier: expected the id of a tier"),
            (#"{"tier":""}"#, "tier: the id of a tier is 1 to 64 of A-Z a-z 0-9 _ -"),
            (#"{"tier":"a","user":"alice"}"#, "user: unknown key; expected one of tier, priority, enabled"),
            (
                #"{"tier":"a","priority":"5"}"#,
                "priority: expected a whole number from -1000000 to 1000000, found text in quotes: \"5\""
            ),
            (#"{"tier":"a","enabled":1}"#, "enabled: expected true or false, found 1"),
            (#"{"tier":"a","enabled":"true"}"#, "enabled: expected true or false, found text in quotes: \"true\""),
        ])
    func assignment(json: String, problem: String) {
        #expect(
            problems { () throws(PolicyError) in _ = try PolicyJSON.assignment(Data(json.utf8), of: .everyone) } == [
                problem
            ])
    }

    @Test("an assignment has the default priority of its subject, the given order, and the origin admin")
    func assignmentValues() throws {
        let usual = try PolicyJSON.assignment(Data(#"{"tier":"a"}"#.utf8), of: .role("R"), order: 7)
        #expect(usual == Assignment(.role("R"), tier: "a", priority: 200, order: 7, origin: .admin))
        let json = Data(#"{"tier":"a","priority":-3,"enabled":false}"#.utf8)
        #expect(
            try PolicyJSON.assignment(json, of: .everyone)
                == Assignment(.everyone, tier: "a", priority: -3, isEnabled: false, origin: .admin))
    }

    private static let end = #""expires_at":"2026-11-22T10:00:00Z""#
    private static let time = "expected a time such as 2026-11-22T10:00:00Z"

    @Test(
        "errors of an override name the field",
        arguments: [
            ("[]", [": expected a map"]), (#"{"add":{"cost/month":"5"},"reason":"r"}"#, ["expires_at: is missing"]),
            ("{\"add\":{\"cost/month\":\"5\"},\(end)}", ["reason: is missing"]),
            ("{\"reason\":\"r\",\(end)}", [": limits or add has to name a limit"]),
            ("{\"reason\":\"r\",\(end),\"limits\":{\"cost\":{}},\"add\":{}}", [": limits or add has to name a limit"]),
            (
                "{\"reason\":\"r\",\(end),\"limits\":{\"cost\":{\"month\":\"x\"}}}",
                ["limits.cost.month: \(moneyWords), found text in quotes: \"x\""]
            ),
            (
                "{\"reason\":\"\",\(end),\"add\":{\"cost/month\":\"5\"}}",
                ["reason: expected 1 to 500 bytes of text without control characters"]
            ),
            ("{\"reason\":5,\(end),\"add\":{\"cost/month\":\"5\"}}", ["reason: expected text"]),
            ("{\"reason\":\"r\",\(end),\"add\":{\"cost\":\"5\"}}", ["add.cost: expected a limit such as cost/month"]),
            (
                "{\"reason\":\"r\",\(end),\"add\":{\"cost/request\":\"5\"}}",
                ["add.cost/request: expected a limit such as cost/month"]
            ),
            (
                "{\"reason\":\"r\",\(end),\"add\":{\"concurrent\":5}}",
                ["add.concurrent: expected a limit such as cost/month"]
            ),
            (
                "{\"reason\":\"r\",\(end),\"add\":{\"cost/month\":\"0\"}}",
                ["add.cost/month: expected an amount above 0, found text in quotes: \"0\""]
            ),
            (
                "{\"reason\":\"r\",\(end),\"add\":{\"cost/month\":null}}",
                ["add.cost/month: expected an amount above 0, found null"]
            ),
            (
                "{\"reason\":\"r\",\(end),\"add\":{\"requests/60s\":1,\"requests/1m\":1}}",
                ["add.requests/60s: duplicate limit in another spelling"]
            ),
        ])
    func override(json: String, expected: [String]) {
        #expect(problems { () throws(PolicyError) in _ = try PolicyJSON.override(Data(json.utf8), .nano) } == expected)
    }

    @Test(
        "the end of an override is a time with a zone, without fractions of a second",
        arguments: [
            ("2026-11-22T10:00:00Z", 1_795_341_600_000), ("2026-11-22T11:00:00+01:00", 1_795_341_600_000),
            ("2026-11-22", nil), ("2026-11-22T10:00:00", nil), ("tomorrow", nil), ("", nil),
            ("2026-13-22T10:00:00Z", nil),
            ("2026-11-22T10:00:00Z and on", nil), ("2026-11-22T10:00:00Z+01:0", nil),
            ("2026-11-22T10:00:00.5Z", 1_795_341_600_000),
            ("2026-11-22T11:00:00.999999999+01:00", 1_795_341_600_000), ("2026-11-22T10:00:00.Z", nil),
            ("2027-02-30T10:00:00Z", nil), ("2027-02-29T10:00:00+01:00", nil),
            ("2028-02-29T00:00:00Z", 1_835_395_200_000),
            ("2026-11-22T24:00:00Z", nil), ("2026-11-22T10:00:00.1234567890Z", nil),
            ("1795341600", nil), ("1969-01-01T00:00:00Z", nil),
        ] as [(String, Int64?)])
    func instants(text: String, milliseconds: Int64?) throws {
        let json = Data("{\"reason\":\"r\",\"expires_at\":\"\(text)\",\"add\":{\"cost/month\":\"5\"}}".utf8)
        let found = problems { () throws(PolicyError) in
            #expect(try PolicyJSON.override(json, .nano).expiresAt == milliseconds)
        }
        #expect(found == (milliseconds == nil ? ["expires_at: \(Self.time), found text in quotes: \"\(text)\""] : []))
    }

    @Test("an override has at most 64 additions")
    func maxAdditions() {
        let periods = (1...65).map { "\"requests/\($0)s\":1" }.joined(separator: ",")
        let json = Data("{\"reason\":\"r\",\(Self.end),\"add\":{\(periods)}}".utf8)
        #expect(
            problems { () throws(PolicyError) in _ = try PolicyJSON.override(json, .nano) } == [
                "add: 65 limits; there may be at most 64"
            ])
    }
}
