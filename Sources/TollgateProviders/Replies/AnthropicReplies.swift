import TollgateCore

/// The replies of Anthropic's Admin API. Its input tokens do not include cached ones, and it counts no requests.
enum AnthropicReplies {
    /// Parses a page of `usage_report/messages`. A bucket without rows is one of zeros.
    static func usagePage(_ body: some Sequence<UInt8>, width: Int64) throws(ProviderFailure) -> ReportPage {
        try ReportPage(body, width: width, start: start) { rows throws(ProviderFailure) in
            var sum = FiguresSum()
            for figure in [
                \ProviderFigures.inputTokens, \.cacheReadTokens, \.cacheWriteTokens, \.outputTokens,
            ] { try sum.add(0, to: figure, field: "") }
            for row in rows {
                for (key, figure) in [
                    ("uncached_input_tokens", \ProviderFigures.inputTokens),
                    ("cache_read_input_tokens", \.cacheReadTokens), ("output_tokens", \.outputTokens),
                ] { try sum.add(try row.count(key), to: figure, field: row.name(key)) }
                let writes = try row.object("cache_creation")
                for key in writes.keys where key.hasSuffix("_input_tokens") {
                    let count = try writes.countIfPresent(key) ?? 0
                    try sum.add(count, to: \.cacheWriteTokens, field: writes.name(key))
                }
            }
            return sum.figures
        }
    }

    /// Parses a page of `cost_report`, whose amounts are texts of cents. A bucket without rows has no cost, which is not
    /// zero.
    ///
    /// - Parameter workspaces: The workspaces whose rows are summed; all if it is empty. The report must be grouped by
    ///   them, as it has no filters.
    static func costPage(
        _ body: some Sequence<UInt8>, workspaces: Set<String> = []
    ) throws(ProviderFailure) -> ReportPage {
        try ReportPage(body, width: UTCDay.seconds, start: start) { rows throws(ProviderFailure) in
            var sum = FiguresSum()
            for row in rows {
                let currency = try row.text("currency")
                guard currency.lowercased() == "usd" else { throw .malformed("\(row.name("currency")): expected USD") }
                guard let cost = try row.costIfPresent("amount") else {
                    throw .malformed("\(row.name("amount")): expected a decimal number")
                }
                let workspace = try row.textIfPresent("workspace_id")
                guard workspaces.isEmpty || workspace.map(workspaces.contains) == true else { continue }
                sum.add(cost: cost.amount, isCredit: cost.isCredit)
            }
            // The rows of other workspaces say that these cost nothing.
            if !rows.isEmpty, !workspaces.isEmpty { sum.add(cost: ExactDecimal()) }
            try sum.finish(timesTenToThe: 7, field: "amount")
            return sum.figures
        }
    }

    private static func start(of bucket: ReplyObject) throws(ProviderFailure) -> Int64 {
        guard let start = RFC3339.seconds(parsing: try bucket.text("starting_at")) else {
            throw .malformed("\(bucket.name("starting_at")): expected a time such as 2026-11-20T00:00:00Z")
        }
        return start
    }
}
