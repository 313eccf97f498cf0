/// What the fake provider knows of an account, and reports.
package struct FakeBooks: Sendable {
    /// The usage of a model in an hour.
    package struct Usage: Sendable {
        /// Unix seconds.
        package var hour: Int64
        /// The workspace of Anthropic, or the project of OpenAI.
        package var project: String?
        package var apiKey: String?
        package var model: String
        package var uncached: Int64
        package var cacheRead: Int64
        package var cacheWrite5m: Int64
        package var cacheWrite1h: Int64
        package var output: Int64
        package var requests: Int64

        package init(
            hour: Int64, project: String? = nil, apiKey: String? = nil, model: String = "model-1", uncached: Int64,
            cacheRead: Int64 = 0, cacheWrite5m: Int64 = 0, cacheWrite1h: Int64 = 0, output: Int64, requests: Int64 = 1
        ) {
            self.hour = hour
            self.project = project
            self.apiKey = apiKey
            self.model = model
            self.uncached = uncached
            self.cacheRead = cacheRead
            self.cacheWrite5m = cacheWrite5m
            self.cacheWrite1h = cacheWrite1h
            self.output = output
            self.requests = requests
        }
    }

    /// A cost of a day.
    package struct Cost: Sendable {
        /// The first second of the day, Unix time.
        package var day: Int64
        package var project: String?
        package var apiKey: String?
        /// The number as the provider writes it: cents of Anthropic, dollars of the others.
        package var amount: String

        package init(day: Int64, project: String? = nil, apiKey: String? = nil, amount: String) {
            self.day = day
            self.project = project
            self.apiKey = apiKey
            self.amount = amount
        }
    }

    /// The state of a key at OpenRouter. Numbers are JSON as the provider writes it, `null` included.
    package struct Key: Sendable {
        package var limit = "null"
        package var remaining = "null"
        /// `daily`, `weekly` or `monthly`.
        package var reset: String?
        package var usage = "0"
        package var daily = "0"
        package var weekly = "0"
        package var monthly = "0"
        package var isManagementKey = false
    }

    /// A quota of GitHub.
    package struct Quota: Sendable {
        package var name: String
        package var limit: Int64
        package var used: Int64
        package var reset: Int64

        package init(name: String, limit: Int64, used: Int64, reset: Int64) {
            self.name = name
            self.limit = limit
            self.used = used
            self.reset = reset
        }
    }

    /// The provider's clock, Unix seconds.
    package var now: Int64
    package var usage: [Usage] = []
    package var costs: [Cost] = []
    package var key = Key()
    package var quotas: [Quota] = []

    package init(now: Int64) {
        self.now = now
    }
}
