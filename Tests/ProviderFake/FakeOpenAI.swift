/// The reports of OpenAI's Admin API.
enum FakeOpenAI {
    static func answer(_ request: FakeRequest, _ books: FakeBooks) throws(FakeRefusal) -> FakeAnswer? {
        switch request.path {
        case "/v1/organization/usage/completions": try usage(request, books)
        case "/v1/organization/costs": try costs(request, books)
        default: nil
        }
    }

    static func authorize(_ request: FakeRequest, credential: String) throws(FakeRefusal) {
        guard request.headers["authorization"] == "Bearer \(credential)" else {
            throw FakeRefusal(status: 401, message: "Incorrect API key provided: \(credential.prefix(8))****.")
        }
    }

    static func error(_ status: Int, _ message: String) -> String {
        let code = status == 401 ? "invalid_api_key" : nil
        return """
            {"error":{"message":\(FakeAnswer.json(message)),"type":"invalid_request_error","param":null,\
            "code":\(FakeAnswer.json(code))}}
            """
    }

    /// Lists are `name[]=a` or `name=a`.
    private static func both(_ names: [String]) -> [String] { names + names.map { $0 + "[]" } }

    private static let parameters = ["start_time", "end_time", "bucket_width", "limit", "page"]

    private static func usage(_ request: FakeRequest, _ books: FakeBooks) throws(FakeRefusal) -> FakeAnswer {
        try FakeReport.check(
            request, knows: parameters,
            lists: both(["group_by", "project_ids", "user_ids", "api_key_ids", "models"]))
        let grouping = request.list("group_by")
        guard grouping.allSatisfy(["project_id", "user_id", "api_key_id", "model", "batch", "service_tier"].contains)
        else { throw .badRequest("group_by: unknown dimension") }
        let width = try FakeReport.width(request, permitted: ["1m", "1h", "1d"])
        let report = try report(request, books, width: width, limits: FakeReport.limits(width: width))
        let usage = books.usage.filter {
            FakeReport.permits(request.list("api_key_ids"), $0.apiKey)
                && FakeReport.permits(request.list("project_ids"), $0.project)
                && FakeReport.permits(request.list("models"), $0.model)
        }
        return page(report) { start in
            let items = usage.filter { $0.hour >= start && $0.hour < start + width }
            let groups = FakeReport.groups(items) { item in
                [
                    grouping.contains("api_key_id") ? item.apiKey : nil,
                    grouping.contains("project_id") ? item.project : nil,
                    grouping.contains("model") ? item.model : nil,
                ]
            }
            return groups.map { row($0, grouping) }
        }
    }

    private static func row(_ items: [FakeBooks.Usage], _ grouping: [String]) -> String {
        func sum(_ figure: KeyPath<FakeBooks.Usage, Int64>) -> Int64 { items.reduce(0) { $0 + $1[keyPath: figure] } }
        func id(_ name: String, _ id: String?) -> String { FakeAnswer.json(grouping.contains(name) ? id : nil) }
        let writes = sum(\.cacheWrite5m) + sum(\.cacheWrite1h)
        return """
            {"object":"organization.usage.completions.result",\
            "input_tokens":\(sum(\.uncached) + sum(\.cacheRead) + writes),"input_cached_tokens":\(sum(\.cacheRead)),\
            "input_cache_write_tokens":\(writes),"input_uncached_tokens":\(sum(\.uncached)),\
            "output_tokens":\(sum(\.output)),"input_audio_tokens":0,"output_audio_tokens":0,\
            "num_model_requests":\(sum(\.requests)),"project_id":\(id("project_id", items[0].project)),\
            "user_id":null,"api_key_id":\(id("api_key_id", items[0].apiKey)),"model":\(id("model", items[0].model)),\
            "batch":null,"service_tier":null,"a_new_field":{"deep":[1e3]}}
            """
    }

    /// 2025-12-05, before which costs are not known by key.
    private static let firstCostsByKey: Int64 = 1_764_892_800

    private static func costs(_ request: FakeRequest, _ books: FakeBooks) throws(FakeRefusal) -> FakeAnswer {
        try FakeReport.check(
            request, knows: parameters, lists: both(["group_by", "project_ids", "api_key_ids", "line_items"]))
        let grouping = request.list("group_by")
        guard grouping.allSatisfy(["project_id", "line_item", "api_key_id"].contains) else {
            throw .badRequest("group_by: unknown dimension")
        }
        let width = try FakeReport.width(request, permitted: ["1d"])
        let report = try report(request, books, width: width, limits: (7, 180))
        if grouping.contains("api_key_id"), report.starts.first.map({ $0 < firstCostsByKey }) == true {
            throw .badRequest("group_by: api_key_id is not supported before 2025-12-05")
        }
        let costs = books.costs.filter {
            FakeReport.permits(request.list("api_key_ids"), $0.apiKey)
                && FakeReport.permits(request.list("project_ids"), $0.project)
        }
        return page(report) { start in
            // Each amount stays a row, as sums of texts are not the fake's business.
            costs.filter { $0.day == start }.map { cost in
                """
                {"object":"organization.costs.result","amount":{"value":\(cost.amount),"currency":"usd"},\
                "line_item":null,"project_id":\(FakeAnswer.json(grouping.contains("project_id") ? cost.project : nil)),\
                "api_key_id":\(FakeAnswer.json(grouping.contains("api_key_id") ? cost.apiKey : nil)),\
                "quantity":null,"quantity_unit":null,"a_new_field":true}
                """
            }
        }
    }

    private static func report(
        _ request: FakeRequest, _ books: FakeBooks, width: Int64, limits: (Int, Int)
    ) throws(FakeRefusal) -> FakeReport {
        guard let start = request["start_time"].flatMap({ Int64($0) }) else {
            throw .badRequest("Missing required parameter: 'start_time'.")
        }
        var end = books.now
        if let text = request["end_time"] {
            guard let time = Int64(text), time <= books.now else { throw .badRequest("'end_time' is in the future.") }
            end = time
        }
        return try FakeReport(request, from: start, to: end, width: width, limits: limits)
    }

    private static func page(_ report: FakeReport, rows: (Int64) -> [String]) -> FakeAnswer {
        let buckets = report.starts.map { start in
            """
            {"object":"bucket","start_time":\(start),"end_time":\(start + report.width),\
            "results":[\(rows(start).joined(separator: ","))]}
            """
        }
        return FakeAnswer(
            body: """
                {"object":"page","data":[\(buckets.joined(separator: ","))],"has_more":\(report.hasMore),\
                "next_page":\(FakeAnswer.json(report.nextPage))}
                """)
    }
}
