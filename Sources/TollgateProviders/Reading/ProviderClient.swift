package import AsyncHTTPClient
import NIOCore
package import TollgateCore

/// Reads the usage of accounts from their providers. It can be used from any task.
package struct ProviderClient: Sendable {
    private let http: ProviderHTTP

    /// Creates a client.
    ///
    /// - Parameters:
    ///   - http: A client with ``configuration(_:)``. With another one, redirects could take credentials elsewhere.
    ///   - version: Tollgate's version, for the header User-Agent.
    package init(http: HTTPClient, version: String, bounds: ProviderBounds = ProviderBounds()) {
        self.http = ProviderHTTP(http: http, userAgent: "Tollgate/\(version)", bounds: bounds)
    }

    /// The configuration of the HTTP client to be used. It does not follow redirects.
    package static func configuration(_ bounds: ProviderBounds = ProviderBounds()) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.httpVersion = .http1Only
        let timeout = TimeAmount(bounds.timeout)
        configuration.timeout = .init(connect: timeout, read: timeout, write: timeout)
        // The schedule of an account decides when it is read again.
        configuration.connectionPool.retryConnectionEstablishment = false
        return configuration
    }

    /// Reads the usage of days, that of the hours of today, and quotas, as far as the provider has them.
    ///
    /// - Parameters:
    ///   - days: The days. Those after today are left out.
    ///   - now: Unix seconds.
    package func usage(
        of account: ProviderAccess, days: Range<UTCDay>, now: Int64
    ) async throws(ProviderFailure) -> ProviderUsage {
        let today = UTCDay(containing: now)
        guard days.upperBound.number - days.lowerBound.number <= http.bounds.maxDays else {
            throw ProviderFailure(.badRequest, message: "more than \(http.bounds.maxDays) days")
        }
        let days = days.clamped(to: UTCDay(number: 0)..<today.advanced(by: 1))
        do throws(ProviderFailure) {
            switch account.kind {
            case .anthropic:
                let reports = UsageReports.anthropic(account.filters, now: now)
                return try await usage(in: reports, of: account, days: days, today: today, now: now)
            case .openai:
                let reports = UsageReports.openAI(account.filters, now: now)
                return try await usage(in: reports, of: account, days: days, today: today, now: now)
            case .openrouter: return try await openRouterUsage(of: account, days: days, today: today, now: now)
            case .github:
                let body = try await http.body(of: "/rate_limit", for: account, now: now)
                return ProviderUsage(quotas: try GitHubReplies.quotas(body))
            }
        } catch {
            throw error.concealing(account.credential)
        }
    }

    /// The usage by the hours of today that have begun, and by days, and the costs of the days.
    private func usage(
        in reports: UsageReports, of account: ProviderAccess, days: Range<UTCDay>, today: UTCDay, now: Int64
    ) async throws(ProviderFailure) -> ProviderUsage {
        let reader = ReportReader(http: http, account: account, now: now)
        func usage(
            _ range: Range<Int64>, width: Int64
        ) async throws(ProviderFailure) -> [Int64: ProviderFigures] {
            try await reader.buckets(of: reports.usage(range, width)) { body throws(ProviderFailure) in
                try reports.usagePage(body, width)
            }
        }
        let hours = today.start..<(now / ReportQuery.hour + 1) * ReportQuery.hour
        var result = ProviderUsage()
        result.hours = try await usage(hours, width: ReportQuery.hour)
        guard !days.isEmpty else { return result }
        let range = days.lowerBound.start..<days.upperBound.start
        result.add(try await usage(range, width: UTCDay.seconds))
        if let costs = reports.costs(range) { result.add(try await reader.buckets(of: costs, reports.costPage)) }
        return result
    }

    /// The key's own usage of today, or the account's activity on closed days if the key may read that.
    private func openRouterUsage(
        of account: ProviderAccess, days: Range<UTCDay>, today: UTCDay, now: Int64
    ) async throws(ProviderFailure) -> ProviderUsage {
        let key = try OpenRouterReplies.key(
            try await http.body(of: "/api/v1/key", for: account, now: now), today: today)
        var usage = ProviderUsage(quotas: [key.quota])
        if !key.isManagementKey {
            usage.firstDay = today
            if let cost = key.today, days.contains(today) { usage.days[today] = ProviderFigures(cost: cost) }
        } else if days.lowerBound < min(days.upperBound, today) {
            let activity = try OpenRouterReplies.activity(
                try await http.body(of: "/api/v1/activity", for: account, now: now))
            usage.days = activity.filter { days.contains($0.key) }
        }
        return usage
    }
}

extension ProviderUsage {
    /// Adds the figures of a report of days.
    fileprivate mutating func add(_ report: [Int64: ProviderFigures]) {
        for (start, figures) in report {
            let day = UTCDay(containing: start)
            days[day] = days[day]?.filled(from: figures) ?? figures
        }
    }
}
