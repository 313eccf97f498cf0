import TollgateCore

/// A query for the buckets of a report. Pure.
struct ReportQuery: Equatable {
    /// A parameter of the query.
    struct Parameter: Equatable {
        var name: String
        var value: String
    }

    var path: String
    /// The length of a bucket in seconds.
    var width: Int64
    /// The time of the buckets, Unix seconds.
    var range: Range<Int64>
    var parameters: [Parameter]

    static let hour: Int64 = 3_600

    /// The maximum number of buckets that a page of usage can have.
    private static func maxUsageBuckets(width: Int64) -> Int64 { width == hour ? 168 : 31 }

    private init(
        path: String, width: Int64, range: Range<Int64>, limit: Int64, bounds: [Parameter], filters: [Parameter]
    ) {
        self.path = path
        self.width = width
        self.range = range
        let count = max(1, (range.upperBound - range.lowerBound + width - 1) / width)
        parameters =
            bounds + [
                Parameter(name: "bucket_width", value: width == Self.hour ? "1h" : "1d"),
                Parameter(name: "limit", value: "\(min(count, limit))"),
            ] + filters
    }

    // MARK: - Anthropic

    static func anthropicUsage(
        _ range: Range<Int64>, width: Int64, filters: ProviderFilters, now: Int64
    ) -> ReportQuery {
        ReportQuery(
            path: "/v1/organizations/usage_report/messages", width: width, range: range,
            limit: maxUsageBuckets(width: width), bounds: anthropicBounds(range, now: now), filters: repeated(filters))
    }

    /// Returns the query for costs; nil if there are none for the filters. The report knows no keys, and is grouped by
    /// workspace instead of filtered.
    static func anthropicCosts(_ range: Range<Int64>, filters: ProviderFilters, now: Int64) -> ReportQuery? {
        guard filters.apiKeyIDs.isEmpty else { return nil }
        return ReportQuery(
            path: "/v1/organizations/cost_report", width: UTCDay.seconds, range: range, limit: 31,
            bounds: anthropicBounds(range, now: now),
            filters: filters.workspaceIDs.isEmpty ? [] : [Parameter(name: "group_by[]", value: "workspace_id")])
    }

    /// The end is left out if it has not passed.
    private static func anthropicBounds(_ range: Range<Int64>, now: Int64) -> [Parameter] {
        [Parameter(name: "starting_at", value: UTCTime.wholeSeconds(milliseconds: range.lowerBound * 1_000))]
            + (range.upperBound > now
                ? []
                : [Parameter(name: "ending_at", value: UTCTime.wholeSeconds(milliseconds: range.upperBound * 1_000))])
    }

    // MARK: - OpenAI

    static func openAIUsage(
        _ range: Range<Int64>, width: Int64, filters: ProviderFilters, now: Int64
    ) -> ReportQuery {
        ReportQuery(
            path: "/v1/organization/usage/completions", width: width, range: range,
            limit: maxUsageBuckets(width: width), bounds: openAIBounds(range, now: now), filters: repeated(filters))
    }

    static func openAICosts(_ range: Range<Int64>, filters: ProviderFilters, now: Int64) -> ReportQuery {
        ReportQuery(
            path: "/v1/organization/costs", width: UTCDay.seconds, range: range, limit: 180,
            bounds: openAIBounds(range, now: now), filters: repeated(filters))
    }

    /// The end is left out if it has not passed, because OpenAI refuses one in the future.
    private static func openAIBounds(_ range: Range<Int64>, now: Int64) -> [Parameter] {
        [Parameter(name: "start_time", value: "\(range.lowerBound)")]
            + (range.upperBound > now ? [] : [Parameter(name: "end_time", value: "\(range.upperBound)")])
    }

    // MARK: - Text

    /// Both providers take lists as a parameter per item, with brackets after its name.
    private static func repeated(_ filters: ProviderFilters) -> [Parameter] {
        filters.lists.flatMap { name, ids in ids.map { Parameter(name: "\(name)[]", value: $0) } }
    }

    /// Returns the path and the query.
    ///
    /// - Parameter page: The cursor of the page; nil for the first one.
    func text(page: String?) -> String {
        let all = parameters + (page.map { [Parameter(name: "page", value: $0)] } ?? [])
        return path + "?" + all.map { "\(Self.encoded($0.name))=\(Self.encoded($0.value))" }.joined(separator: "&")
    }

    /// Percent-encodes all but unreserved characters (RFC 3986, 2.3).
    private static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default: result += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return result
    }
}
