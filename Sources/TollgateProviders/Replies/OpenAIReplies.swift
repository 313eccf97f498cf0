import TollgateCore

/// The replies of OpenAI's Admin API. Its input tokens include those read from a cache and written to one.
enum OpenAIReplies {
    /// Parses a page of `usage/completions`. A bucket without rows is one of zeros.
    static func usagePage(_ body: some Sequence<UInt8>, width: Int64) throws(ProviderFailure) -> ReportPage {
        try ReportPage(body, width: width, start: start) { rows throws(ProviderFailure) in
            var sum = FiguresSum()
            for figure in [
                \ProviderFigures.inputTokens, \.cacheReadTokens, \.cacheWriteTokens, \.outputTokens, \.requests,
            ] { try sum.add(0, to: figure, field: "") }
            for row in rows {
                let reads = try row.countIfPresent("input_cached_tokens") ?? 0
                let writes = try row.countIfPresent("input_cache_write_tokens") ?? 0
                let uncached = try row.count("input_tokens") - reads - writes
                guard uncached >= 0 else {
                    throw .malformed("\(row.name("input_tokens")): fewer than the cached ones")
                }
                try sum.add(uncached, to: \.inputTokens, field: row.name("input_tokens"))
                try sum.add(reads, to: \.cacheReadTokens, field: row.name("input_cached_tokens"))
                try sum.add(writes, to: \.cacheWriteTokens, field: row.name("input_cache_write_tokens"))
                let output = try row.count("output_tokens")
                try sum.add(output, to: \.outputTokens, field: row.name("output_tokens"))
                let requests = try row.count("num_model_requests")
                try sum.add(requests, to: \.requests, field: row.name("num_model_requests"))
            }
            return sum.figures
        }
    }

    /// Parses a page of `costs`, whose amounts are numbers of dollars. A bucket without amounts has no cost, which is not
    /// zero.
    static func costPage(_ body: some Sequence<UInt8>) throws(ProviderFailure) -> ReportPage {
        try ReportPage(body, width: UTCDay.seconds, start: start) { rows throws(ProviderFailure) in
            var sum = FiguresSum()
            for row in rows {
                guard let amount = try row.objectIfPresent("amount"), let value = try amount.costIfPresent("value")
                else { continue }
                let currency = try amount.text("currency")
                guard currency.lowercased() == "usd" else {
                    throw .malformed("\(amount.name("currency")): expected usd")
                }
                sum.add(cost: value.amount, isCredit: value.isCredit)
            }
            try sum.finish(timesTenToThe: 9, field: "amount.value")
            return sum.figures
        }
    }

    private static func start(of bucket: ReplyObject) throws(ProviderFailure) -> Int64 {
        try bucket.count("start_time")
    }
}
