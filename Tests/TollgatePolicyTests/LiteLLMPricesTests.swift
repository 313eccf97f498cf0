import Testing

@testable import TollgateCore
@testable import TollgatePolicy

/// The price map of LiteLLM becomes a price table.
@Suite("Prices of LiteLLM")
struct LiteLLMPricesTests {
    /// Reads a map with entries of the provider `p`, by their keys.
    private func read(_ entries: KeyValuePairs<String, String>, providers: [String] = []) throws -> PriceImport {
        let members = entries.map { #""\#($0.key)": {"litellm_provider": "p", "mode": "chat", \#($0.value)}"# }
        return try PriceImport(json: "{\(members.joined(separator: ","))}", file: "map.json", providers: providers)
    }

    private func rates(_ fields: String, mode: String = "chat") throws -> [ModelPrice.Item: String] {
        let json = #"{"p/m": {"litellm_provider": "p", "mode": "\#(mode)", \#(fields)}}"#
        let report = try PriceImport(json: json, file: "map.json")
        #expect(report.rejected.isEmpty)
        return try #require(report.table.providers["p"]?.models["m"]?.steps.first).price.rates.mapValues(\.description)
    }

    /// The reason why an entry with these fields is rejected, beside one with a price.
    private func rejection(_ fields: String, key: String = "p/bad") throws -> PriceImport.Rejection? {
        let report = try read(["p/good": #""input_cost_per_token": 1e-06"#, key: fields])
        #expect(report.table.count == 1)
        #expect(report.importedEntries == 1 && report.rejectedEntries == 1)
        return report.rejected.first?.key
    }

    @Test("prices of a token are those of a million tokens, exactly")
    func tokens() throws {
        let rates = try self.rates(
            """
            "input_cost_per_token": 1.5e-07, "output_cost_per_token": 6E-7, "cache_read_input_token_cost": 0.000000075,
            "cache_creation_input_token_cost": 3.75e-06
            """)
        #expect(rates == [.input: "0.15", .output: "0.6", .cacheRead: "0.075", .cacheWrite: "3.75"])
    }

    @Test("prices of queries, requests, images and seconds have keys of their own")
    func others() throws {
        #expect(try rates(#""input_cost_per_query": 0.002"#, mode: "rerank") == [.request: "0.002"])
        #expect(try rates(#""input_cost_per_request": 5e-3"#) == [.request: "0.005"])
        #expect(try rates(#""output_cost_per_image": 0.04"#) == [.image: "0.04"])
        #expect(try rates(#""input_cost_per_image": 0.009"#) == [.image: "0.009"])
        #expect(try rates(#""input_cost_per_second": 0.0001"#, mode: "audio_transcription") == [.minute: "0.006"])
        #expect(try rates(#""output_cost_per_video_per_second": 0.1"#, mode: "video_generation") == [.minute: "6"])
        #expect(
            try rates(#""input_cost_per_token": 0, "input_cost_per_token_cache_hit": 2.8e-08"#)
                == [.input: "0", .cacheRead: "0.028"])
    }

    @Test("of two fields for the same item, the first one that is not 0 is the price, and another price is reported")
    func alternatives() throws {
        let both = #""input_cost_per_second": 0.0, "output_cost_per_second": 0.0000277778"#
        #expect(try rates(both, mode: "audio_transcription") == [.minute: "0.001666668"])
        let report = try read(["p/m": #""output_cost_per_image": 0.04, "input_cost_per_image": 0.01"#])
        #expect(report.table.providers["p"]?.models["m"]?.steps[0].price.rates[.image]?.description == "0.04")
        #expect(report.fields == ["input_cost_per_image": 1])
    }

    @Test("a second of a machine is not one of audio, and a query of an embedding is not a call")
    func otherMeanings() throws {
        #expect(try rejection(#""input_cost_per_second": 0.0175"#) == .otherPrices)
        let rates = try self.rates(#""input_cost_per_query": 0.1, "input_cost_per_image": 0.2"#, mode: "embedding")
        #expect(rates == [.image: "0.2"])
    }

    @Test("prices without a key are counted by field, unless they are 0")
    func fields() throws {
        let report = try read([
            "p/a": #""input_cost_per_token": 1e-06, "input_cost_per_token_batches": 5e-07, "max_tokens": 8"#,
            "p/b": """
            "input_cost_per_token": 1e-06, "input_cost_per_token_batches": 5e-07, "output_cost_per_pixel": 0.0,
            "search_context_cost_per_query": {"search_context_size_low": 0.01}, "tiered_pricing": [{"range": [0, 9]}]
            """,
        ])
        #expect(
            report.fields
                == ["input_cost_per_token_batches": 2, "search_context_cost_per_query": 1, "tiered_pricing": 1])
        #expect(report.sortedFields.first?.name == "input_cost_per_token_batches")
    }

    @Test(
        "an entry without a usable price is rejected with the reason",
        arguments: [
            (#""max_tokens": 8"#, PriceImport.Rejection.noPrice),
            (#""input_cost_per_token": null"#, .noPrice),
            (#""input_cost_per_pixel": 1e-08"#, .otherPrices),
            (#""input_cost_per_pixel": 1e-08, "output_cost_per_token": 0.0"#, .otherPrices),
            (#""input_cost_per_token": "1e-06""#, .malformedPrice),
            (#""input_cost_per_token": -1e-06"#, .malformedPrice),
            (#""input_cost_per_token": true"#, .malformedPrice),
            (#""input_cost_per_token": {"usd": 1}"#, .malformedPrice),
            (#""input_cost_per_token": 10"#, .malformedPrice),
            (#""input_cost_per_token": 1e-06, "output_cost_per_token": 2.0000000000000002e-07"#, .inexactPrice),
            (#""input_cost_per_token": 1e-99"#, .inexactPrice),
        ])
    func reasons(fields: String, reason: PriceImport.Rejection) throws {
        #expect(try rejection(fields) == reason)
    }

    @Test(
        "a name that a price file cannot have is a reason", arguments: ["p/*/m", "p/m*", "p/default", "p/", "a\\u0007"])
    func names(key: String) throws {
        #expect(try rejection(#""input_cost_per_token": 1e-06"#, key: key) == .unusableName)
    }

    @Test("prices of 0 stay, and are counted")
    func free() throws {
        let report = try read(["p/m": #""input_cost_per_token": 0, "output_cost_per_token": 0.0"#])
        #expect(
            report.table.providers["p"]?.models["m"]?.steps[0].price == ModelPrice([.input: .free, .output: .free]))
        #expect(report.freePrices == 1)
    }

    @Test(
        "the provider is the one that callers name, and the model's name begins after it",
        arguments: [
            ("openai", "gpt-4o", "openai", "gpt-4o"),
            ("openai", "openai/sora-2", "openai", "sora-2"),
            ("openrouter", "openrouter/openai/gpt-4o", "openrouter", "openai/gpt-4o"),
            ("bedrock", "bedrock/us-east-1/anthropic.claude-v1", "bedrock", "us-east-1/anthropic.claude-v1"),
            ("bedrock_converse", "us.anthropic.claude-v1:0", "bedrock", "us.anthropic.claude-v1:0"),
            ("bedrock_converse", "bedrock/eu-west-1/kimi", "bedrock", "eu-west-1/kimi"),
            ("vertex_ai-anthropic_models", "vertex_ai/claude-haiku-4-5", "vertex_ai", "claude-haiku-4-5"),
            ("vertex_ai-language-models", "gemini-2.5-flash", "vertex_ai", "gemini-2.5-flash"),
            ("fireworks_ai-embedding-models", "fireworks_ai/a/b", "fireworks_ai", "a/b"),
            ("text-completion-openai", "davinci-002", "openai", "davinci-002"),
            ("azure_text", "azure/gpt-35-turbo-instruct", "azure", "gpt-35-turbo-instruct"),
            ("amazon_nova", "amazon-nova/nova-lite-v1", "amazon_nova", "nova-lite-v1"),
            ("openai", "ft:gpt-4o-2024-08-06", "openai", "ft:gpt-4o-2024-08-06*"),
        ])
    func providers(word: String, key: String, provider: String, name: String) throws {
        let json = #"{"\#(key)": {"litellm_provider": "\#(word)", "input_cost_per_token": 1e-06}}"#
        let table = try PriceImport(json: json, file: "map.json").table
        #expect(table.entries.map(\.provider) == [provider])
        #expect(table.entries.map(\.name) == [name])
    }

    @Test("an alias has the price of the entry that it names")
    func aliases() throws {
        let report = try PriceImport(
            json: """
                {"sample_spec": {"litellm_provider": "one of …", "input_cost_per_token": 0.0},
                 "bedrock/latest": {"alias_of": "global.m"}, "lost": {"alias_of": "none"},
                 "global.m": {"litellm_provider": "bedrock_converse", "input_cost_per_token": 2e-06}, "rules": {"a": 1}}
                """, file: "map.json")
        #expect(report.table.providers.keys.sorted() == ["bedrock"])
        #expect(report.table.entries.map(\.name) == ["global.m", "latest"])
        #expect(report.rejected == [.brokenAlias: ["lost"], .noProvider: ["rules"]])
        #expect(report.entries == 4)
    }

    @Test("of two prices for one model, that of the key with the provider stays")
    func conflicts() throws {
        let entry = #""input_cost_per_token":"#
        let report = try read(["m": "\(entry) 1e-06", "p/m": "\(entry) 2e-06", "n": "\(entry) 0", "p/n": "\(entry) 0"])
        #expect(report.table.providers["p"]?.models["m"]?.steps[0].price.rates[.input]?.description == "2")
        #expect(report.rejected == [.conflict: ["m"]])
        #expect(report.importedEntries == 3 && report.table.count == 2)
    }

    @Test("only the prices of the named providers are read")
    func filter() throws {
        let json = """
            {"a/m": {"litellm_provider": "a", "input_cost_per_token": 1e-06, "x_cost": 1}, "l": {"alias_of": "a/m"},
             "b/m": {"litellm_provider": "b", "input_cost_per_token": 1e-06}}
            """
        let report = try PriceImport(json: json, file: "map.json", providers: ["b"])
        #expect(report.table.providers.keys.sorted() == ["b"])
        #expect(report.otherEntries == 2 && report.fields.isEmpty && report.rejected.isEmpty)
        let error = #expect(throws: OperatorError.self) {
            try PriceImport(json: json, file: "map.json", providers: ["bb"])
        }
        #expect(error?.description == "map.json: no provider bb; did you mean b?")
    }
}
