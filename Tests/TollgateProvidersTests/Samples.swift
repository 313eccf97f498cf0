import TollgateCore

@testable import TollgateProviders

/// Replies as in the documentation of the providers.
enum Samples {
    static let anthropicUsage = """
        {"data":[{"starting_at":"2026-11-20T00:00:00Z","ending_at":"2026-11-21T00:00:00Z","results":[
        {"uncached_input_tokens":1500,"cache_read_input_tokens":200,"cache_creation":{"ephemeral_1h_input_tokens":1000,
        "ephemeral_5m_input_tokens":500},"output_tokens":500,"server_tool_use":{"web_search_requests":10},
        "api_key_id":"apikey_01Rj2N8SVvo6BePZj99NhmiT","workspace_id":null,"model":"claude-é","service_tier":"standard",
        "context_window":"0-200k","inference_geo":null,"account_id":null,"service_account_id":null},
        {"uncached_input_tokens":7,"cache_read_input_tokens":0,"cache_creation":{},"output_tokens":1,"api_key_id":null}]},
        {"starting_at":"2026-11-21T00:00:00Z","ending_at":"2026-11-22T00:00:00Z","results":[]}],
        "has_more":true,"next_page":"page_MjAy"}
        """

    static let anthropicCosts = """
        {"data":[{"starting_at":"2026-11-20T00:00:00Z","ending_at":"2026-11-21T00:00:00Z","results":[
        {"currency":"USD","amount":"123.789120","workspace_id":"w_1","description":"Claude Usage - Input Tokens",
        "cost_type":"tokens","context_window":"0-200k","model":"m","service_tier":"standard",
        "token_type":"uncached_input_tokens","inference_geo":null},
        {"currency":"USD","amount":"0.00000002","workspace_id":null},
        {"currency":"USD","amount":"0.00000003","workspace_id":null}]},
        {"starting_at":"2026-11-21T00:00:00Z","ending_at":"2026-11-22T00:00:00Z","results":[]}],
        "has_more":false,"next_page":null}
        """

    static let openAIUsage = """
        {"object":"page","data":[{"object":"bucket","start_time":1730419200,"end_time":1730505600,"results":[
        {"object":"organization.usage.completions.result","input_tokens":1000,"input_cached_tokens":800,
        "input_cache_write_tokens":50,"input_uncached_tokens":150,"output_tokens":500,"input_audio_tokens":0,
        "output_audio_tokens":0,"num_model_requests":5,"project_id":null,"user_id":null,"api_key_id":"key_1",
        "model":"gpt","batch":null,"service_tier":null},
        {"object":"organization.usage.completions.result","input_tokens":7,"input_cached_tokens":null,"output_tokens":1,
        "num_model_requests":1}]}],"has_more":true,"next_page":"page_AAAA"}
        """

    static let openAICosts = """
        {"object":"page","data":[{"object":"bucket","start_time":1730419200,"end_time":1730505600,"results":[
        {"object":"organization.costs.result","amount":{"value":0.06,"currency":"usd"},"line_item":null,
        "project_id":null,"api_key_id":null,"quantity":null,"quantity_unit":null},
        {"object":"organization.costs.result","amount":{"value":1.2e-05,"currency":"usd"}},
        {"object":"organization.costs.result","amount":null}]},
        {"object":"bucket","start_time":1730505600,"end_time":1730592000,"results":[]}],
        "has_more":false,"next_page":null}
        """

    static let openRouterKey = """
        {"data":{"label":"sk-or-v1-abc...def","limit":5.0,"limit_remaining":-0.25,"limit_reset":"monthly","usage":12.5,
        "usage_daily":1.2e-05,"usage_weekly":0.5,"usage_monthly":2.5,"byok_usage":9,"byok_usage_monthly":0.25,
        "include_byok_in_limit":true,"is_free_tier":false,"is_management_key":false,"is_provisioning_key":false,
        "creator_user_id":"u","rate_limit":{"requests":-1,"interval":"10s","note":"n"}}}
        """

    static let openRouterActivity = """
        {"data":[{"date":"2026-11-20","model":"a/b","usage":0.015,"byok_usage_inference":0,"requests":2,
        "prompt_tokens":10,"completion_tokens":5,"reasoning_tokens":3,"workspace_id":null},
        {"date":"2026-11-20 00:00:00","model":"a/c","usage":5e-10,"requests":1,"prompt_tokens":20,"completion_tokens":0},
        {"date":"2026-11-21","model":"a/c","usage":0,"requests":1,"prompt_tokens":1,"completion_tokens":2}]}
        """

    static let gitHub = """
        {"resources":{"search":{"limit":30,"used":12,"remaining":18,"reset":1372697452},
        "core":{"limit":5000,"used":1,"remaining":4999,"reset":1372700873},"scim":null},
        "rate":{"limit":5000,"used":1,"remaining":4999,"reset":1372700873}}
        """

    /// All samples with their parsers.
    static let all: [(String, @Sendable ([UInt8]) throws -> Void)] = [
        (anthropicUsage, { _ = try AnthropicReplies.usagePage($0, width: 86_400) }),
        (anthropicCosts, { _ = try AnthropicReplies.costPage($0) }),
        (openAIUsage, { _ = try OpenAIReplies.usagePage($0, width: 86_400) }),
        (openAICosts, { _ = try OpenAIReplies.costPage($0) }),
        (openRouterKey, { _ = try OpenRouterReplies.key($0, today: UTCDay(number: 20_788)) }),
        (openRouterActivity, { _ = try OpenRouterReplies.activity($0) }),
        (gitHub, { _ = try GitHubReplies.quotas($0) }),
    ]
}
