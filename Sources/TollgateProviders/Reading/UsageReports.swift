import TollgateCore

/// The reports of a provider's usage API: their queries, and how their pages are parsed.
struct UsageReports: Sendable {
    /// The query of the usage in a range, Unix seconds, by buckets of a width in seconds.
    let usage: @Sendable (_ range: Range<Int64>, _ width: Int64) -> ReportQuery
    /// Parses a page of usage with buckets of a width in seconds.
    let usagePage: @Sendable (_ body: [UInt8], _ width: Int64) throws(ProviderFailure) -> ReportPage
    /// The query of the costs in a range of days; nil where the provider does not know them by the account's filters.
    let costs: @Sendable (_ range: Range<Int64>) -> ReportQuery?
    /// Parses a page of costs.
    let costPage: @Sendable (_ body: [UInt8]) throws(ProviderFailure) -> ReportPage

    static func anthropic(_ filters: ProviderFilters, now: Int64) -> UsageReports {
        UsageReports(
            usage: { .anthropicUsage($0, width: $1, filters: filters, now: now) },
            usagePage: { body, width throws(ProviderFailure) in try AnthropicReplies.usagePage(body, width: width) },
            costs: { .anthropicCosts($0, filters: filters, now: now) },
            costPage: { body throws(ProviderFailure) in
                try AnthropicReplies.costPage(body, workspaces: Set(filters.workspaceIDs))
            })
    }

    static func openAI(_ filters: ProviderFilters, now: Int64) -> UsageReports {
        UsageReports(
            usage: { .openAIUsage($0, width: $1, filters: filters, now: now) },
            usagePage: { body, width throws(ProviderFailure) in try OpenAIReplies.usagePage(body, width: width) },
            costs: { .openAICosts($0, filters: filters, now: now) },
            costPage: { body throws(ProviderFailure) in try OpenAIReplies.costPage(body) })
    }
}
