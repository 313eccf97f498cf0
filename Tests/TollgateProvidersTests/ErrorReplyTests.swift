import Testing
import TollgateCore

@testable import TollgateProviders

@Suite("Failures of providers")
struct ErrorReplyTests {
    private static let key = "sk-ant-admin01-Qw3rTy7uIoP9-aSdFgH"
    private static let now: Int64 = 1_796_117_400

    private func failure(
        _ status: Int, _ body: String = "", retryAfter: String? = nil, remaining: String? = nil, reset: String? = nil
    ) throws -> ProviderFailure {
        let credential = try #require(ProviderCredential(Self.key))
        let reply = ErrorReply(
            status: status, retryAfter: retryAfter, rateLimitRemaining: remaining, rateLimitReset: reset,
            body: Array(body.utf8))
        return reply.failure(concealing: credential, now: Self.now)
    }

    @Test("the status is the kind")
    func kinds() throws {
        let kinds: [(Int, ProviderFailure.Kind)] = [
            (400, .badRequest), (401, .unauthorized), (403, .forbidden), (404, .badRequest), (408, .timedOut),
            (429, .rateLimited), (500, .serverError(status: 500)), (502, .serverError(status: 502)), (503, .overloaded),
            (529, .overloaded), (302, .malformed("status 302: redirects are not followed")),
            (204, .malformed("status 204")),
            (101, .malformed("status 101")), (0, .malformed("status 0")),
        ]
        for (status, kind) in kinds { #expect(try failure(status).kind == kind, "\(status)") }
    }

    @Test("the provider's sentence is found in the form of each provider")
    func sentences() throws {
        for body in [
            #"{"type":"error","error":{"type":"api_error","message":"a sentence"},"request_id":"req_1"}"#,
            #"{"error":{"message":"a sentence","type":"x","param":null,"code":null}}"#,
            #"{"error":{"code":401,"message":"a sentence"}}"#,
            #"{"message":"a sentence","documentation_url":"https://docs.github.com","status":"403"}"#,
        ] { #expect(try failure(500, body).message == "a sentence", "\(body)") }
        for body in ["", "<html>", "{}", #"{"error":null}"#, #"{"error":"x"}"#, #"{"message":7}"#, #"{"message":""}"#] {
            #expect(try failure(500, body).message == nil, "\(body)")
        }
    }

    @Test("Retry-After is seconds or a date, and GitHub's limits have their own headers")
    func retryAfter() throws {
        #expect(try failure(429, retryAfter: "17").retryAfter == .seconds(17))
        #expect(try failure(529, retryAfter: "Tue, 01 Dec 2026 09:31:00 GMT").retryAfter == .seconds(60))
        #expect(try failure(429, retryAfter: "soon").retryAfter == nil)
        #expect(try failure(429).retryAfter == nil)
        #expect(try failure(403, retryAfter: "60").kind == .rateLimited)
        let limited = try failure(403, remaining: "0", reset: "\(Self.now + 90)")
        #expect(limited.kind == .rateLimited && limited.retryAfter == .seconds(90))
        #expect(try failure(403, remaining: "0", reset: "9999999999999999999999").retryAfter == nil)
        #expect(try failure(403, remaining: "7", reset: "\(Self.now + 90)").kind == .forbidden)
    }

    @Test("a failure contains no credential, no query and no control characters, and is short")
    func concealment() throws {
        let sentences = [
            "invalid key \(Self.key)", "invalid \(Self.key)\(Self.key)", "key \(Self.key.prefix(20))... is invalid",
            "key ...\(Self.key.suffix(14)) is invalid", "s\u{1}k-ant-admin01-Qw3rTy7uIoP9-aSdFgH",
            "\(Self.key.prefix(9))\u{200b}\(Self.key.dropFirst(9))", "GET /v1/x?api_key=\(Self.key)&a=b failed",
            String(repeating: "x", count: 190) + Self.key, String(repeating: "\u{7}", count: 5_000) + Self.key,
        ]
        for sentence in sentences {
            var escaped = ""
            for unit in sentence.utf16 { escaped += "\\u" + String(String(0x10000 + Int(unit), radix: 16).suffix(4)) }
            let failure = try failure(401, #"{"error":{"message":"\#(escaped)"}}"#)
            let text = "\(failure) \(String(reflecting: failure)) \(failure.message ?? "")"
            #expect(failure.message != nil)
            for length in [12, Self.key.count] {
                #expect(!text.contains(Self.key.prefix(length)) && !text.contains(Self.key.suffix(length)), "\(text)")
            }
            #expect(!text.contains("?") && !text.contains("&a=b"), "\(text)")
            #expect((failure.message ?? "").unicodeScalars.count <= 200)
            #expect(!text.unicodeScalars.contains { $0.value < 0x20 }, "\(text)")
        }
        let long = try failure(400, #"{"message":"\#(String(repeating: "é ", count: 4_000))"}"#)
        #expect(long.message?.unicodeScalars.count == 200)
        #expect(ProviderFailure.malformed(String(repeating: "x", count: 999)).description.count < 250)
    }

    @Test("a credential is never printed")
    func credential() throws {
        let credential = try #require(ProviderCredential(Self.key))
        let access = try ProviderAccess(kind: .anthropic, credential: credential)
        var dumped = ""
        dump(access, to: &dumped)
        for text in ["\(credential)", String(reflecting: credential), "\(access)", String(reflecting: access), dumped] {
            #expect(!text.contains(Self.key.suffix(12)) && text.contains("***"), "\(text)")
        }
        for text in ["", "a b", "a\nb", "é", "a\r\nx-header: y", String(repeating: "x", count: 4_097)] {
            #expect(ProviderCredential(text) == nil)
        }
    }

    @Test("each part of a credential of eight characters or more is concealed, in upper and lower case")
    func parts() throws {
        let key = "sk-admin-SECRETCRED0123456789abcdef"
        let credential = try #require(ProviderCredential(key))
        for echo in [
            key, String(key.prefix(30)), String(key.dropFirst().dropLast()), key.lowercased(), String(key.suffix(8)),
            "x" + key.dropFirst(5).prefix(20) + "y",
        ] {
            let text = credential.concealed(in: "no: \(echo)… is wrong")
            #expect(text.contains("***") && text.hasPrefix("no: ") && text.hasSuffix("… is wrong"), "\(text)")
            #expect(!text.lowercased().contains("secretc") && !text.contains("abcde"), "\(text)")
        }
        #expect(credential.concealed(in: "admins may read 1234567") == "admins may read 1234567")
    }
}
