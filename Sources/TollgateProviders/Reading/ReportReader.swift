import TollgateCore

/// Reads the pages of reports, one after the other.
struct ReportReader: Sendable {
    let http: ProviderHTTP
    let account: ProviderAccess
    /// Unix seconds.
    let now: Int64

    /// Returns the figures of the buckets of a query, by their starts. Buckets outside of the range are ignored.
    ///
    /// - Parameter parse: Parses a page.
    func buckets(
        of query: ReportQuery, _ parse: ([UInt8]) throws(ProviderFailure) -> ReportPage
    ) async throws(ProviderFailure) -> [Int64: ProviderFigures] {
        var buckets: [Int64: ProviderFigures] = [:]
        var seen: Set<String> = []
        var cursor: String?
        for _ in 0..<http.bounds.maxPages {
            let page = try parse(try await http.body(of: query.text(page: cursor), for: account, now: now))
            for bucket in page.buckets where query.range.contains(bucket.start) {
                // A page has whole buckets, so one that comes twice would be counted twice.
                guard buckets.updateValue(bucket.figures, forKey: bucket.start) == nil else {
                    throw .malformed("the bucket of \(UTCTime.wholeSeconds(milliseconds: bucket.start * 1_000)) twice")
                }
            }
            guard let next = page.nextPage else { return buckets }
            guard seen.insert(next).inserted else { throw ProviderFailure(.pagingLoop) }
            cursor = next
        }
        throw ProviderFailure(.tooManyPages, message: "more than \(http.bounds.maxPages)")
    }
}
