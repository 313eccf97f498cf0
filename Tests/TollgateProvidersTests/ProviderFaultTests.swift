import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ProviderFake
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateProviders

/// Every fault of the fake provider is a failure of its kind, and none contains the credential.
@Suite("Faults of providers")
struct ProviderFaultTests {
    private static let kinds = ProviderKind.allCases
    private static let reports = [ProviderKind.anthropic, .openai]

    private func expect(
        _ fault: FakeFault, _ kind: ProviderFailure.Kind, of provider: ProviderKind, retryAfter: Duration? = nil,
        bounds: ProviderBounds = ProviderBounds()
    ) async throws {
        try await ProviderHarness.with(bounds: bounds, books: RandomBooks(seed: 2).books) { harness in
            harness.fake.fail(fault)
            let failure = try #require(try await harness.failure(provider), "\(fault)")
            #expect(failure.kind == kind, "\(provider), \(fault): \(failure)")
            #expect(failure.retryAfter == retryAfter, "\(provider), \(fault)")
            let text = "\(failure) \(String(reflecting: failure))"
            #expect(!text.contains(FakeProvider.credential.suffix(8)) && !text.contains("?"), "\(text)")
            // The account can be read again when the fault is over.
            harness.fake.heal()
            #expect(try await harness.failure(provider) == nil, "\(provider), \(fault)")
        }
    }

    @Test("error statuses", arguments: kinds)
    func statuses(provider: ProviderKind) async throws {
        let echo = "no: \(FakeProvider.credential) GET /v1/x?key=\(FakeProvider.credential)"
        for (status, kind) in [
            (400, ProviderFailure.Kind.badRequest), (401, .unauthorized), (403, .forbidden), (429, .rateLimited),
            (500, .serverError(status: 500)), (502, .serverError(status: 502)), (529, .overloaded),
        ] {
            try await expect(.status(status, message: echo), kind, of: provider)
        }
        try await expect(.status(429, retryAfter: "17"), .rateLimited, of: provider, retryAfter: .seconds(17))
        try await expect(.status(529, retryAfter: "5"), .overloaded, of: provider, retryAfter: .seconds(5))
    }

    @Test("a key that the provider does not know", arguments: kinds)
    func wrongKey(provider: ProviderKind) async throws {
        try await ProviderHarness.with { harness in
            let failure = try #require(try await harness.failure(provider, key: "sk-another-key-of-no-use"))
            #expect(failure.kind == .unauthorized && failure.message?.isEmpty == false)
        }
    }

    @Test("no response, and a body that stops, are cut at the timeout", arguments: kinds)
    func hanging(provider: ProviderKind) async throws {
        var bounds = ProviderBounds()
        bounds.timeout = .milliseconds(500)
        let start = ContinuousClock.now
        try await expect(.hang, .timedOut, of: provider, bounds: bounds)
        try await expect(.hangInBody, .timedOut, of: provider, bounds: bounds)
        #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test("a body that is cut", arguments: kinds)
    func cut(provider: ProviderKind) async throws {
        try await expect(.cut, .connection, of: provider)
    }

    @Test("a body that is not JSON, is empty or is too large", arguments: kinds)
    func bodies(provider: ProviderKind) async throws {
        try await expect(
            .body("<html>"), .malformed("the body is not valid JSON: expected a value at byte 1"), of: provider)
        try await expect(.body(""), .malformed("the body is empty; expected JSON"), of: provider)
        try await expect(.body("[]"), .malformed("expected an object, found a list"), of: provider)
        var bounds = ProviderBounds()
        bounds.maxBodyBytes = 100_000
        try await expect(.oversized(bytes: 100_001), .tooLarge, of: provider, bounds: bounds)
        try await expect(.body(String(repeating: " ", count: 100_001)), .tooLarge, of: provider, bounds: bounds)
        try await expect(
            .oversized(bytes: 100_000), .malformed("the body is empty; expected JSON"), of: provider, bounds: bounds)
    }

    @Test("a redirect is not followed, as it would take the credential elsewhere", arguments: kinds)
    func redirect(provider: ProviderKind) async throws {
        try await FakeProvider.with(FakeBooks(now: ProviderHarness.now)) { other in
            for status in [301, 302, 307, 308] {
                try await expect(
                    .response(status, headers: [("location", other.url + "/rate_limit")], body: ""),
                    .malformed("status \(status): redirects are not followed"), of: provider)
            }
            #expect(other.requests.isEmpty)
        }
    }

    @Test("a page that names itself, and pages without end", arguments: reports)
    func pages(provider: ProviderKind) async throws {
        try await expect(.samePage, .pagingLoop, of: provider)
        try await ProviderHarness.with { harness in
            harness.fake.fail(.endlessPages)
            let failure = try #require(try await harness.failure(provider))
            #expect(failure.kind == .tooManyPages)
            #expect(harness.fake.requests.count == 50)
        }
    }

    @Test("a bucket that comes twice would be counted twice")
    func twice() async throws {
        try await ProviderHarness.with { harness in
            let start = ProviderHarness.today.start
            let bucket = #"{"start_time":\#(start),"end_time":\#(start + 3_600),"results":[]}"#
            harness.fake.fail(.body(#"{"data":[\#(bucket),\#(bucket)],"has_more":false,"next_page":null}"#))
            let failure = try await harness.failure(.openai)
            #expect(failure?.kind == .malformed("the bucket of 2026-12-01T00:00:00Z twice"))
        }
    }

    @Test("a failure of the last page is a failure of the whole", arguments: reports)
    func lastPage(provider: ProviderKind) async throws {
        try await ProviderHarness.with(books: RandomBooks(seed: 2).books) { harness in
            let path = provider == .anthropic ? "/v1/organizations/cost_report" : "/v1/organization/costs"
            harness.fake.fail(.status(500), on: path, times: 1)
            let failure = try await harness.failure(provider)
            #expect(failure?.kind == .serverError(status: 500))
            let later = try await harness.failure(provider)
            #expect(later == nil)
        }
    }

    @Test("no server, and an unknown host")
    func noServer() async throws {
        let port = try PortHolder()
        try await ProviderHarness.with { harness in
            let credential = try #require(ProviderCredential("a-credential-of-some-length"))
            for (url, message) in [
                ("http://127.0.0.1:\(port.number)", "connection refused"),
                ("https://host.invalid", "unknown host name"),
            ] {
                let access = try ProviderAccess(kind: .github, baseURL: url, credential: credential)
                let failure = await #expect(throws: ProviderFailure.self) {
                    try await harness.client.usage(of: access, days: ProviderHarness.days, now: ProviderHarness.now)
                }
                #expect(failure?.kind == .connection && failure?.message == message, "\(String(describing: failure))")
            }
        }
    }

    @Test("a cancelled task ends at once, with a failure of its own")
    func cancelled() async throws {
        try await ProviderHarness.with { harness in
            harness.fake.fail(.hang)
            let task = Task { try await harness.failure(.anthropic) }
            try await eventually { harness.fake.requests.count == 1 }
            let start = ContinuousClock.now
            task.cancel()
            #expect(try await task.value?.kind == .cancelled)
            #expect(ContinuousClock.now - start < .seconds(5))
        }
    }

    @Test("the fake refuses more buckets than a page can have, and takes both forms of lists")
    func fake() async throws {
        try await ProviderHarness.with(books: RandomBooks(seed: 4).books) { harness in
            func status(_ query: String, key: String = FakeProvider.credential) async throws -> UInt {
                var request = HTTPClientRequest(url: harness.fake.url + query)
                request.headers.add(name: "Authorization", value: "Bearer \(key)")
                request.headers.add(name: "x-api-key", value: key)
                request.headers.add(name: "anthropic-version", value: "2023-06-01")
                let response = try await harness.http.execute(request, timeout: .seconds(10))
                _ = try await response.body.collect(upTo: 1 << 20)
                return response.status.code
            }
            let usage = "/v1/organization/usage/completions?start_time=1795132800"
            let costs = "/v1/organization/costs?start_time=1795132800"
            for (query, expected) in [
                (usage + "&limit=31", 200), (usage + "&limit=32", 400), (usage + "&bucket_width=1h&limit=168", 200),
                (usage + "&bucket_width=1h&limit=169", 400), (costs + "&limit=180", 200), (costs + "&limit=181", 400),
                (costs + "&bucket_width=1h", 400), (usage + "&project_ids=p_1&project_ids=p_2", 200),
                (usage + "&project_ids[]=p_1", 200), (usage + "&end_time=1796117401", 400),
                (usage + "&nonsense=1", 400),
                ("/v1/organization/costs", 400), ("/v1/organization/nothing", 404),
                (costs.replacing("1795132800", with: "1764000000") + "&group_by=api_key_id", 400),
                ("/v1/organizations/cost_report?starting_at=2026-11-20T00:00:00Z&limit=31", 200),
                ("/v1/organizations/cost_report?starting_at=2026-11-20T00:00:00Z&limit=32", 400),
                ("/v1/organizations/cost_report?starting_at=yesterday", 400),
            ] {
                let encoded = query.replacing("[", with: "%5B").replacing("]", with: "%5D")
                let status = try await status(encoded)
                #expect(status == expected, "\(query)")
            }
            let refused = try await status(usage, key: "x")
            #expect(refused == 401)
        }
    }
}
