import Foundation

/// The reports of Anthropic's Admin API.
enum FakeAnthropic {
    static func answer(_ request: FakeRequest, _ books: FakeBooks) throws(FakeRefusal) -> FakeAnswer? {
        switch request.path {
        case "/v1/organizations/usage_report/messages": try usage(request, books)
        case "/v1/organizations/cost_report": try costs(request, books)
        default: nil
        }
    }

    static func authorize(_ request: FakeRequest, credential: String) throws(FakeRefusal) {
        guard request.headers["x-api-key"] == credential else {
            throw FakeRefusal(status: 401, message: "invalid x-api-key")
        }
        guard request.headers["anthropic-version"] == "2023-06-01" else {
            throw .badRequest("anthropic-version: header is required")
        }
    }

    static func error(_ status: Int, _ message: String) -> String {
        let types = [
            400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
            429: "rate_limit_error", 529: "overloaded_error",
        ]
        let type = FakeAnswer.json(types[status] ?? "api_error")
        return """
            {"type":"error","error":{"type":\(type),"message":\(FakeAnswer.json(message))},"request_id":"req_1"}
            """
    }

    private static func usage(_ request: FakeRequest, _ books: FakeBooks) throws(FakeRefusal) -> FakeAnswer {
        let dimensions = [
            "api_key_id", "workspace_id", "model", "service_tier", "context_window", "inference_geo", "speed",
            "account_id", "service_account_id",
        ]
        try FakeReport.check(
            request, knows: ["starting_at", "ending_at", "bucket_width", "limit", "page"],
            lists: ["group_by[]", "api_key_ids[]", "workspace_ids[]", "models[]"])
        let grouping = request.list("group_by")
        guard grouping.allSatisfy(dimensions.contains) else { throw .badRequest("group_by: unknown dimension") }
        let width = try FakeReport.width(request, permitted: ["1m", "1h", "1d"])
        let report = try report(request, books, width: width)
        let usage = books.usage.filter {
            FakeReport.permits(request.list("api_key_ids"), $0.apiKey)
                && FakeReport.permits(request.list("workspace_ids"), $0.project)
                && FakeReport.permits(request.list("models"), $0.model)
        }
        return page(report) { start in
            let items = usage.filter { $0.hour >= start && $0.hour < start + width }
            let groups = FakeReport.groups(items) { item in
                [
                    grouping.contains("api_key_id") ? item.apiKey : nil,
                    grouping.contains("workspace_id") ? item.project : nil,
                    grouping.contains("model") ? item.model : nil,
                ]
            }
            return groups.map { row($0, grouping) }
        }
    }

    private static func row(_ items: [FakeBooks.Usage], _ grouping: [String]) -> String {
        func sum(_ figure: KeyPath<FakeBooks.Usage, Int64>) -> Int64 { items.reduce(0) { $0 + $1[keyPath: figure] } }
        func id(_ name: String, _ id: String?) -> String { FakeAnswer.json(grouping.contains(name) ? id : nil) }
        return """
            {"uncached_input_tokens":\(sum(\.uncached)),"cache_read_input_tokens":\(sum(\.cacheRead)),\
            "cache_creation":{"ephemeral_1h_input_tokens":\(sum(\.cacheWrite1h)),\
            "ephemeral_5m_input_tokens":\(sum(\.cacheWrite5m))},"output_tokens":\(sum(\.output)),\
            "server_tool_use":{"web_search_requests":0},"api_key_id":\(id("api_key_id", items[0].apiKey)),\
            "workspace_id":\(id("workspace_id", items[0].project)),"model":\(id("model", items[0].model)),\
            "service_tier":null,"context_window":null,"inference_geo":null,"account_id":null,\
            "service_account_id":null,"a_new_field":[{"deep":1e3}]}
            """
    }

    private static func costs(_ request: FakeRequest, _ books: FakeBooks) throws(FakeRefusal) -> FakeAnswer {
        try FakeReport.check(
            request, knows: ["starting_at", "ending_at", "bucket_width", "limit", "page"], lists: ["group_by[]"])
        let grouping = request.list("group_by")
        guard grouping.allSatisfy(["workspace_id", "description"].contains) else {
            throw .badRequest("group_by: unknown dimension")
        }
        let width = try FakeReport.width(request, permitted: ["1d"])
        return page(try report(request, books, width: width)) { start in
            // Each amount stays a row, as sums of texts are not the fake's business.
            books.costs.filter { $0.day == start }.map { cost in
                """
                {"currency":"USD","amount":"\(cost.amount)",\
                "workspace_id":\(FakeAnswer.json(grouping.contains("workspace_id") ? cost.project : nil)),\
                "description":null,"cost_type":null,"context_window":null,"model":null,"service_tier":null,\
                "token_type":null,"inference_geo":null}
                """
            }
        }
    }

    private static func report(
        _ request: FakeRequest, _ books: FakeBooks, width: Int64
    ) throws(FakeRefusal) -> FakeReport {
        guard let start = try time(request, "starting_at") else { throw .badRequest("starting_at: Field required") }
        let end = min(try time(request, "ending_at") ?? books.now, books.now)
        return try FakeReport(request, from: start, to: end, width: width, limits: FakeReport.limits(width: width))
    }

    private static func time(_ request: FakeRequest, _ name: String) throws(FakeRefusal) -> Int64? {
        guard let text = request[name] else { return nil }
        guard let date = ISO8601DateFormatter().date(from: text) else {
            throw .badRequest("\(name): Input should be a valid datetime")
        }
        return Int64(date.timeIntervalSince1970)
    }

    private static func page(_ report: FakeReport, rows: (Int64) -> [String]) -> FakeAnswer {
        let formatter = ISO8601DateFormatter()
        func text(_ time: Int64) -> String { formatter.string(from: Date(timeIntervalSince1970: Double(time))) }
        let buckets = report.starts.map { start in
            """
            {"starting_at":"\(text(start))","ending_at":"\(text(start + report.width))",\
            "results":[\(rows(start).joined(separator: ","))]}
            """
        }
        return FakeAnswer(
            body: """
                {"data":[\(buckets.joined(separator: ","))],"has_more":\(report.hasMore),\
                "next_page":\(FakeAnswer.json(report.nextPage))}
                """)
    }
}
