import Foundation
import ProviderFake
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateProviders

/// The official Python clients read the fake, and expect of it what they expect of the providers.
///
/// openai has the calls for usage and costs. anthropic has none for `usage_report/messages` and `cost_report`, so its
/// `get` is used; its models of the analytics reports, whose rows have the same shape, validate the buckets.
@Suite(.enabled(if: Python.hasProviderSDKs, "needs a Python with openai and anthropic: run scripts/test"))
struct ProviderSDKTests {
    /// The figures of a day as a script prints them.
    private struct Day: Decodable {
        var input: Int64
        var reads: Int64
        var writes: Int64
        var output: Int64
        var requests: Int64?
        /// Nano-dollars; nil without rows.
        var cost: String?

        var figures: ProviderFigures {
            ProviderFigures(
                inputTokens: input, cacheReadTokens: reads, cacheWriteTokens: writes, outputTokens: output,
                requests: requests, cost: cost.flatMap { Int128($0) }.map { Money(nanos: $0) })
        }
    }

    /// Runs a script, and compares the days that it prints by their starts with those that Tollgate reads.
    private func compare(_ kind: ProviderKind, _ script: String, seed: UInt64) async throws {
        try await ProviderHarness.with(books: RandomBooks(seed: seed).books) { harness in
            let command = try await Command.run(
                Python.program,
                [
                    "-c", Self.sums + script, harness.fake.url, FakeProvider.credential,
                    "\(ProviderHarness.days.lowerBound.start)",
                ])
            try #require(command.status == 0, "\(command.errors)")
            let days = try JSONDecoder().decode([String: Day].self, from: Data(command.output.utf8))
            let usage = try await harness.usage(kind)
            #expect(days.count == 12)
            for (start, day) in days {
                let date = UTCDay(containing: try #require(Int64(start)))
                #expect(usage.days[date] == day.figures, "seed \(seed), \(date)")
            }
        }
    }

    /// The beginning of both scripts.
    private static let sums = """
        import json, sys
        from collections import defaultdict
        from decimal import ROUND_HALF_UP, Decimal, getcontext

        getcontext().prec = 60
        url, key, start = sys.argv[1], sys.argv[2], int(sys.argv[3])
        days = defaultdict(lambda: dict(input=0, reads=0, writes=0, output=0, requests=None, cost=None))

        def pages(read):
            page = None
            while True:
                reply = read(**({"page": page} if page else {}))
                yield reply
                if not reply["has_more"]:
                    return
                page = reply["next_page"]

        def cost(amounts, power):
            total = sum(amounts, Decimal(0)).scaleb(power)
            return str(total.quantize(Decimal(1), rounding=ROUND_HALF_UP)) if amounts else None

        """

    @Test("openai-python reads the same figures from the fake", arguments: 1...2 as ClosedRange<UInt64>)
    func openAI(seed: UInt64) async throws {
        try await compare(.openai, Self.openAIScript, seed: seed)
    }

    private static let openAIScript = """
        import openai
        from openai.types.admin.organization import UsageCompletionsResponse, UsageCostsResponse

        client = openai.OpenAI(api_key="unused", admin_api_key=key, base_url=url + "/v1", max_retries=0)
        usage = client.admin.organization.usage

        def read(call, model):
            def page(**arguments):
                reply = call(start_time=start, bucket_width="1d", limit=5, **arguments)
                # The client itself does not validate.
                model.model_validate(json.loads(reply.text if isinstance(reply.text, str) else reply.text()), strict=True)
                return reply.parse().to_dict()
            return page

        raw = usage.with_raw_response
        for reply in pages(read(raw.completions, UsageCompletionsResponse)):
            for bucket in reply["data"]:
                day = days[bucket["start_time"]]
                day["requests"] = 0
                for row in bucket["results"]:
                    assert row["input_tokens"] == (
                        row["input_uncached_tokens"] + row["input_cached_tokens"] + row["input_cache_write_tokens"]), row
                    day["input"] += row["input_uncached_tokens"]
                    day["reads"] += row["input_cached_tokens"]
                    day["writes"] += row["input_cache_write_tokens"]
                    day["output"] += row["output_tokens"]
                    day["requests"] += row["num_model_requests"]
        for reply in pages(read(raw.costs, UsageCostsResponse)):
            for bucket in reply["data"]:
                amounts = [Decimal(repr(row["amount"]["value"])) for row in bucket["results"]]
                days[bucket["start_time"]]["cost"] = cost(amounts, 9)
        print(json.dumps(days))

        grouped = usage.completions(start_time=start, limit=31, group_by=["project_id"], project_ids=["p_1", "p_2"])
        assert {row.project_id for bucket in grouped.data for row in bucket.results} <= {"p_1", "p_2"}, grouped
        for error, arguments in ((openai.BadRequestError, {"limit": 32}), (openai.BadRequestError, {"page": "x"})):
            try:
                usage.completions(start_time=start, **arguments)
                raise AssertionError("no error")
            except error as refused:
                assert refused.body["type"] == "invalid_request_error", refused.body
        try:
            openai.OpenAI(api_key="a", admin_api_key="b", base_url=url + "/v1").admin.organization.usage.costs(start_time=start)
            raise AssertionError("no error")
        except openai.AuthenticationError as refused:
            assert refused.code == "invalid_api_key", refused
        """

    @Test("anthropic-sdk-python reads the same figures from the fake", arguments: 1...2 as ClosedRange<UInt64>)
    func anthropic(seed: UInt64) async throws {
        try await compare(.anthropic, Self.anthropicScript, seed: seed)
    }

    private static let anthropicScript = """
        import anthropic
        from datetime import datetime, timezone
        from anthropic.types.beta.organization import (
            BetaAnalyticsCostReportTimeBucket, BetaAnalyticsUsageReportTimeBucket)

        def client_with(key):
            # The headers that the documentation of the Admin API wants. Version 2.14 of the client sends its key as a
            # bearer token, and a later version of the API.
            return anthropic.Anthropic(
                api_key="unused", base_url=url, max_retries=0,
                default_headers={"x-api-key": key, "anthropic-version": "2023-06-01"})

        client = client_with(key)
        begin = datetime.fromtimestamp(start, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

        def read(path):
            def page(**arguments):
                params = {"starting_at": begin, "bucket_width": "1d", "limit": 5, **arguments}
                return client.get(path, cast_to=object, options={"params": params})
            return page

        def time(bucket):
            return int(datetime.fromisoformat(bucket["starting_at"].replace("Z", "+00:00")).timestamp())

        usage, costs = "/v1/organizations/usage_report/messages", "/v1/organizations/cost_report"
        for reply in pages(read(usage)):
            for bucket in reply["data"]:
                BetaAnalyticsUsageReportTimeBucket.model_validate(bucket)
                day = days[time(bucket)]
                for row in bucket["results"]:
                    day["input"] += row["uncached_input_tokens"]
                    day["reads"] += row["cache_read_input_tokens"]
                    day["writes"] += sum(row["cache_creation"].values())
                    day["output"] += row["output_tokens"]
        for reply in pages(read(costs)):
            for bucket in reply["data"]:
                # Only the analytics report has the amount before discounts.
                rows = [dict(row, list_amount=row["amount"]) for row in bucket["results"]]
                BetaAnalyticsCostReportTimeBucket.model_validate(dict(bucket, results=rows))
                days[time(bucket)]["cost"] = cost([Decimal(row["amount"]) for row in rows], 7)
        print(json.dumps(days))

        reply = read(usage)(group_by=["workspace_id"], workspace_ids=["p_1", "p_2"])
        assert {row["workspace_id"] for bucket in reply["data"] for row in bucket["results"]} <= {"p_1", "p_2"}, reply
        for error, arguments in ((anthropic.BadRequestError, {"limit": 32}), (anthropic.BadRequestError, {"page": "x"})):
            try:
                read(usage)(**arguments)
                raise AssertionError("no error")
            except error as refused:
                assert refused.body["error"]["type"] == "invalid_request_error", refused.body
        try:
            client = client_with("another")
            read(costs)()
            raise AssertionError("no error")
        except anthropic.AuthenticationError as refused:
            assert refused.body["error"]["type"] == "authentication_error", refused.body
        """
}
