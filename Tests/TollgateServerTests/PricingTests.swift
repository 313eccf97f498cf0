import Testing
import TollgateCore
import TollgatePolicy
import TollgateTestSupport

@testable import TollgateServer

/// Costs that the sidecar computes by its prices.
@Suite struct PricingTests {
    static let policy = """
        thresholds: []
        defaults:
          user: { requests: { 1m: 1000 }, tokens: { day: 1000000 }, cost: { day: 100, request: 5 } }
        on_redis_failure: { requests: open, tokens: open, cost: open }
        prices:
          openai:
            gpt-4o: { input: 2.50, output: 10, cache_read: 1.25 }
            gpt-4*: { input: 30, output: 60 }
            dall-e-3: { image: 0.04 }
            whisper-1: { minute: 0.006 }
            free: { input: 0, output: 0 }
          perplexity:
            sonar: { input: 1, output: 1, request: 0.005 }
        """

    /// Returns a line without the values that depend on the time.
    private func ageless(_ line: String) -> String {
        line.split(separator: " ").filter { word in
            !["reset=", "retry_after=", "reservation="].contains { word.hasPrefix($0) }
        }
        .joined(separator: " ")
    }

    private func ask(_ lines: [String], rule: String = "") async throws -> [String] {
        var replies: [String] = []
        try await withServer(policy: "\(Self.policy)\n\(rule)") {
            replies = try await $0.client().ask(lines).map(ageless)
        }
        return replies
    }

    @Test("a request with a model and no cost has the cost of the prices, and its reply states it")
    func cost() async throws {
        let call = "model=gpt-4o provider=openai input_tokens=1000 output_tokens=500 cache_read_tokens=2000"
        let replies = try await ask([
            "CHECK user=a \(call)", "RECORD user=a \(call)", "PEEK user=a cost=1", "RESERVE user=a \(call)",
            "RECORD user=b model=dall-e-3 images=2", "RECORD user=b model=whisper-1 seconds=61.5",
            "RECORD user=b model=sonar input_tokens=1", "PEEK user=b cost=1", "REFUND user=b model=dall-e-3 images=1",
            "PEEK user=b cost=1", "CHECK user=c model=gpt-4o", "RECORD user=c model=free input_tokens=7",
            "CHECK user=c model=gpt-4o tokens=1000000",
        ])
        #expect(
            replies == [
                "ALLOW limit=user:a/requests/1m max=1000 used=1 remaining=999 cost=0.01", "OK cost=0.01",
                "ALLOW limit=user:a/tokens/day max=1000000 used=3500 remaining=996500",
                "ALLOW limit=user:a/tokens/day max=1000000 used=3500 held=3500 remaining=993000 cost=0.01",
                "OK cost=0.08", "OK cost=0.00615", "OK cost=0.005001",
                "ALLOW limit=user:b/cost/day max=100 used=0.091151 remaining=99.908849", "OK cost=0.04",
                "ALLOW limit=user:b/cost/day max=100 used=0.051151 remaining=99.948849",
                "ALLOW limit=user:c/requests/1m max=1000 used=1 remaining=999", "OK cost=0",
                "DENY reason=too_large limit=user:c/cost/request max=5 used=0 remaining=5 source=defaults cost=10",
            ])
    }

    @Test("a cost that the caller names wins, also 0")
    func namedCost() async throws {
        let replies = try await ask([
            "RECORD user=a model=gpt-4o input_tokens=1000 cost=3", "RECORD user=a model=nope input_tokens=1000 cost=0",
            "PEEK user=a cost=1",
        ])
        #expect(replies == ["OK", "OK", "ALLOW limit=user:a/cost/day max=100 used=3 remaining=97"])
    }

    @Test("a COMMIT has the price of the model that it names, or else of the reservation's")
    func commit() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            var tokens: [String] = []
            for line in try await client.ask(
                Array(repeating: "RESERVE user=a model=gpt-4o provider=openai input_tokens=1000", count: 5)
                    + ["RESERVE user=a model=sonar requests=3"])
            {
                tokens.append(try token(line))
            }
            let replies = try await client.ask(
                "COMMIT reservation=\(tokens[0]) input_tokens=1000",
                "COMMIT reservation=\(tokens[0]) input_tokens=1000",
                "COMMIT reservation=\(tokens[1]) input_tokens=1000 model=gpt-4.1",
                "COMMIT reservation=\(tokens[2]) input_tokens=1000 model=sonar provider=perplexity",
                "COMMIT reservation=\(tokens[3]) input_tokens=1000 model=nope",
                "COMMIT reservation=\(tokens[4]) cost=0.5", "COMMIT reservation=\(tokens[5]) input_tokens=1")
            #expect(
                replies.map(ageless) == [
                    "OK cost=0.0025", "OK duplicate=1", "OK cost=0.03", "OK cost=0.006", "OK price=unknown", "OK",
                    "OK cost=0.015001",
                ])
            #expect(try harness.redis.hash("tollgate:user:a")["cost/day"] == "553501000")
            #expect(
                try await client.ask("COMMIT reservation=\(tokens[0]) user=a")[0]
                    == "ERR bad_request user: not an argument of COMMIT")
        }
    }

    @Test("a model without a price counts without a cost, is refused, or has the price of the rule")
    func unknownModel() async throws {
        let lines = [
            "CHECK user=a model=nope", "PEEK user=a model=nope", "RESERVE user=a model=nope input_tokens=500000",
            "RECORD user=a model=nope input_tokens=500000", "PEEK user=a model=gpt-4o images=1",
        ]
        let allow = "ALLOW limit=user:a"
        let replies = try await ask(lines, rule: "unknown_model: warn")
        #expect(
            replies == [
                "\(allow)/requests/1m max=1000 used=1 remaining=999 price=unknown",
                "\(allow)/requests/1m max=1000 used=1 remaining=999 price=unknown",
                "\(allow)/tokens/day max=1000000 used=0 held=500000 remaining=500000 price=unknown",
                "OK price=unknown",
                "DENY reason=quota_exceeded limit=user:a/tokens/day max=1000000 used=500000 held=500000 remaining=0 "
                    + "source=defaults price=unknown",
            ])
        let refused = "DENY reason=unknown_model price=unknown"
        let refusals = try await ask(lines, rule: "unknown_model: refuse")
        #expect(refusals == [refused, refused, refused, "OK price=unknown", refused])
        let priced = try await ask(lines, rule: "unknown_model: { input: 2 }")
        #expect(priced[3] == "OK cost=1 price=unknown")
    }

    @Test(
        "bad amounts are errors that name the argument",
        arguments: [
            ("images=-1", "images: expected a whole number"), ("images=1000001", "images: more than 1000000"),
            ("images=1 images=1", "images: duplicate argument"),
            ("seconds=1.2345", "seconds: expected seconds from 0 to 1000000, with at most 3 fraction digits"),
            ("seconds=1e3", "seconds: expected seconds from 0 to 1000000, with at most 3 fraction digits"),
            ("seconds=1000000.001", "seconds: expected seconds from 0 to 1000000, with at most 3 fraction digits"),
            ("cache_read_tokens=1000000000001", "cache_read_tokens: more than 1000000000000"),
            ("cache_write_tokens=x", "cache_write_tokens: expected a whole number"),
            (
                "model=gpt-4 input_tokens=1000000000000",
                "cost: by the prices, this call costs more than 9000000"
            ),
        ])
    func badAmounts(words: String, sentence: String) async throws {
        #expect(try await ask(["CHECK user=a \(words)"]) == ["ERR bad_request \(sentence)"])
    }

    @Test("a repeated id is a duplicate although the prices have changed, and a conflict with another named cost")
    func repeated() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            let line = "RECORD user=a model=gpt-4o input_tokens=1000 id=1"
            #expect(try await client.ask(line) == ["OK cost=0.0025"])
            try await harness.install(Self.policy.replacing("2.50", with: "5"))
            #expect(
                try await client.ask(line, "\(line) cost=7", "RECORD user=a model=gpt-4o input_tokens=1001 id=1") == [
                    "OK duplicate=1", "ERR conflict id: used before for other amounts",
                    "ERR conflict id: used before for other amounts",
                ])
            #expect(try await client.ask("RECORD user=a model=gpt-4o input_tokens=1000 id=2") == ["OK cost=0.005"])
        }
    }

    @Test("writes are priced when they are journaled, and replayed once with that cost")
    func journal() async throws {
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        try await withServer(policy: Self.policy, redis: redis) { harness in
            let client = try harness.client()
            let line = "RECORD user=a model=gpt-4o input_tokens=1000 id=1"
            _ = try await client.ask("RECORD user=a model=gpt-4o input_tokens=1000 id=2")
            redis.stop()
            try await eventually { await harness.sidecar.report().redis.links.allSatisfy { $0 != "ready" } }
            #expect(try await client.ask(line) == ["OK queued=1 cost=0.0025"])
            try await harness.install(Self.policy.replacing("2.50", with: "5"))
            #expect(
                try await client.ask(line.replacing("id=1", with: "id=2"), "CHECK user=a model=nope") == [
                    "OK queued=1 cost=0.005", "ALLOW degraded=1 price=unknown",
                ])
            try redis.start()
            try await eventually { await harness.sidecar.report().journal?.operations == 0 }
            #expect(try redis.hash("tollgate:user:a")["cost/day"] == "5000000", "id 1 once, id 2 before the outage")
            #expect(try await client.ask(line) == ["OK duplicate=1"])
        }
    }

    @Test("an id is a duplicate when only the price has changed, and a conflict for other billed amounts")
    func repeatedOfUnknownPrice() async throws {
        try await withServer(policy: Self.policy) { harness in
            let client = try harness.client()
            let (image, named) = (
                "RECORD user=a model=dall-e-3 images=2 id=1", "RECORD user=a model=gpt-4o tokens=5 id=2"
            )
            #expect(
                try await client.ask(image, "\(named) cost=7", "RECORD user=a model=nope input_tokens=1 id=3") == [
                    "OK cost=0.08", "OK", "OK price=unknown",
                ])
            let conflict = "ERR conflict id: used before for other amounts"
            #expect(
                try await client.ask(
                    image.replacing("images=2", with: "images=200"), named,
                    "RECORD user=a model=nope cache_read_tokens=1 id=3") == [conflict, conflict, conflict])
            try await harness.install(
                Self.policy.replacing("dall-e-3: { image: 0.04 }", with: "nope: { input: 5 }"))
            #expect(
                try await client.ask(image, "RECORD user=a model=nope input_tokens=1 id=3")
                    == ["OK duplicate=1", "OK duplicate=1"])
        }
    }

    @Test("tokens of the cache count in decisions, and in the journal for scopes that are not known")
    func cacheTokens() async throws {
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        try await withServer(policy: Self.policy, redis: redis) { harness in
            let client = try harness.client()
            #expect(
                try await client.ask("CHECK user=a cache_write_tokens=1000001")[0].hasPrefix(
                    "DENY reason=quota_exceeded limit=user:a/tokens/day"))
            redis.stop()
            try await eventually { await harness.sidecar.report().redis.links.allSatisfy { $0 != "ready" } }
            let line = "RECORD user=new model=gpt-4o input_tokens=1000 cache_read_tokens=2000 id=1"
            #expect(try await client.ask(line) == ["OK queued=1 cost=0.005"])
            try redis.start()
            try await eventually { await harness.sidecar.report().journal?.operations == 0 }
            #expect(try redis.hash("tollgate:user:new")["tokens/day"] == "3000")
            #expect(try await client.ask(line) == ["OK duplicate=1"])
        }
    }

    @Test("a COMMIT of a reservation that was made without Redis has the fee of one request")
    func degradedReservation() async throws {
        let redis = try TestRedis(arguments: ["--appendonly", "yes", "--appendfsync", "always"])
        try await withServer(policy: Self.policy, redis: redis) { harness in
            let client = try harness.client()
            _ = try await client.ask("RESERVE user=a tokens=1")
            redis.stop()
            try await eventually { await harness.sidecar.report().redis.links.allSatisfy { $0 != "ready" } }
            let reserved = try await client.ask("RESERVE user=a model=sonar provider=perplexity input_tokens=1")[0]
            #expect(reserved.hasPrefix("ALLOW degraded=1 reservation="))
            try redis.start()
            try await eventually { await harness.sidecar.report().redis.links.allSatisfy { $0 == "ready" } }
            let reply = try await client.ask("COMMIT reservation=\(try token(reserved)) input_tokens=1")[0]
            #expect(reply.contains(" cost=0.005001"), "\(reply)")
        }
    }

    @Test("models in lower case, if the policy folds them")
    func folded() async throws {
        try await withServer(policy: Self.policy + "\nfold_case: [model, provider]") { harness in
            let client = try harness.client()
            let record = "RECORD user=a model=GPT-4o provider=OpenAI input_tokens=1000"
            #expect(try await client.ask(record) == ["OK cost=0.0025"])
            let reserved = try await client.ask("RESERVE user=a model=sonar")[0]
            let commit = "COMMIT reservation=\(try token(reserved)) model=GPT-4o provider=OpenAI input_tokens=1000"
            #expect(try await client.ask(commit) == ["OK cost=0.0025"])
        }
    }

    @Test("ids with plus signs are models as they are written")
    func plusSigns() async throws {
        let policy = "defaults: { user: { cost: { day: 1 } } }\nprices: { p: { a+b: { input: 1 } } }"
        try await withServer(policy: policy) { harness in
            let replies = try await harness.ask(
                "RECORD user=a model=a+b input_tokens=1000", "RECORD user=a model:a++b input_tokens=1")
            #expect(replies == ["OK cost=0.001", "OK cost=0.000001"])
        }
    }
}
