import Foundation

/// OpenRouter's keys and activity, and GitHub's rate limits.
enum FakeQuotas {
    static func answer(_ request: FakeRequest, _ books: FakeBooks) throws(FakeRefusal) -> FakeAnswer? {
        switch request.path {
        case "/api/v1/key": key(books.key)
        case "/api/v1/activity": try activity(books)
        case "/rate_limit": rateLimit(books)
        default: nil
        }
    }

    static func error(_ path: String, _ status: Int, _ message: String) -> String {
        let text = FakeAnswer.json(message)
        return path.hasPrefix("/api/v1/")
            ? #"{"error":{"code":\#(status),"message":\#(text)},"user_id":null}"#
            : #"{"message":\#(text),"documentation_url":"https://docs.github.com/rest","status":"\#(status)"}"#
    }

    private static func key(_ key: FakeBooks.Key) -> FakeAnswer {
        FakeAnswer(
            body: """
                {"data":{"label":"sk-or-v1-abc...def","limit":\(key.limit),"limit_remaining":\(key.remaining),\
                "limit_reset":\(FakeAnswer.json(key.reset)),"usage":\(key.usage),"usage_daily":\(key.daily),\
                "usage_weekly":\(key.weekly),"usage_monthly":\(key.monthly),"byok_usage":0,"byok_usage_daily":0,\
                "byok_usage_weekly":0,"byok_usage_monthly":0,"include_byok_in_limit":false,"is_free_tier":false,\
                "is_management_key":\(key.isManagementKey),"is_provisioning_key":\(key.isManagementKey),\
                "creator_user_id":"user_1","expires_at":null,\
                "rate_limit":{"requests":-1,"interval":"10s","note":"deprecated"}}}
                """)
    }

    /// A row per amount of a day, and one per usage.
    private static func activity(_ books: FakeBooks) throws(FakeRefusal) -> FakeAnswer {
        guard books.key.isManagementKey else {
            throw FakeRefusal(status: 403, message: "Only management keys can fetch activity for an account")
        }
        let today = books.now - books.now % 86_400
        let closed = today - 30 * 86_400..<today
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = .gmt
        formatter.dateFormat = "yyyy-MM-dd"
        func row(_ time: Int64, cost: String, _ prompt: Int64, _ completion: Int64, _ requests: Int64) -> String {
            """
            {"date":"\(formatter.string(from: Date(timeIntervalSince1970: Double(time))))","model":"a/model",\
            "model_permaslug":"a/model-1","endpoint_id":"e","provider_name":"A","usage":\(cost),\
            "byok_usage_inference":0,"requests":\(requests),"prompt_tokens":\(prompt),\
            "completion_tokens":\(completion),"reasoning_tokens":0,"workspace_id":null}
            """
        }
        let costs = books.costs.filter { closed.contains($0.day) }.map { row($0.day, cost: $0.amount, 0, 0, 0) }
        let usage = books.usage.filter { closed.contains($0.hour) }.map {
            row(
                $0.hour, cost: "0", $0.uncached + $0.cacheRead + $0.cacheWrite5m + $0.cacheWrite1h, $0.output,
                $0.requests)
        }
        return FakeAnswer(body: #"{"data":[\#((costs + usage).joined(separator: ","))]}"#)
    }

    private static func rateLimit(_ books: FakeBooks) -> FakeAnswer {
        func quota(_ quota: FakeBooks.Quota) -> String {
            """
            {"limit":\(quota.limit),"used":\(quota.used),"remaining":\(max(0, quota.limit - quota.used)),\
            "reset":\(quota.reset)}
            """
        }
        let resources = books.quotas.map { "\(FakeAnswer.json($0.name)):\(quota($0))" }
        let rate = books.quotas.first.map(quota) ?? "null"
        return FakeAnswer(body: #"{"resources":{\#(resources.joined(separator: ","))},"rate":\#(rate)}"#)
    }
}
