import Foundation

/// The error of a request that a provider refuses.
struct FakeRefusal: Error {
    var status: Int
    var message: String

    static func badRequest(_ message: String) -> FakeRefusal { FakeRefusal(status: 400, message: message) }
}

/// The buckets of a page of a report.
struct FakeReport {
    /// The starts of the buckets, Unix seconds.
    var starts: [Int64] = []
    /// The length of a bucket.
    var width: Int64
    var hasMore = false
    var nextPage: String?

    /// The default and the maximum number of buckets of a page.
    static func limits(width: Int64) -> (Int, Int) {
        switch width {
        case 60: (60, 1_440)
        case 3_600: (24, 168)
        default: (7, 31)
        }
    }

    /// Reads `bucket_width`.
    static func width(_ request: FakeRequest, permitted: [String]) throws(FakeRefusal) -> Int64 {
        let text = request["bucket_width"] ?? "1d"
        guard permitted.contains(text) else { throw .badRequest("bucket_width: Input should be \(permitted)") }
        return text == "1m" ? 60 : text == "1h" ? 3_600 : 86_400
    }

    /// Cuts the page that a request names out of the time from `start` to `end`. The first bucket begins before `start` if
    /// that is inside of it.
    init(
        _ request: FakeRequest, from start: Int64, to end: Int64, width: Int64, limits: (standard: Int, max: Int)
    ) throws(FakeRefusal) {
        self.width = width
        var limit = limits.standard
        if let text = request["limit"] {
            guard let number = Int(text), (1...limits.max).contains(number) else {
                throw .badRequest("limit: Input should be less than or equal to \(limits.max)")
            }
            limit = number
        }
        var next = start - start % width
        if let page = request["page"] {
            guard page.hasPrefix("page_"), let data = Data(base64Encoded: String(page.dropFirst(5))),
                let number = Int64(String(decoding: data, as: UTF8.self))
            else { throw .badRequest("page: invalid cursor") }
            next = number
        }
        while next < end, starts.count < limit {
            starts.append(next)
            next += width
        }
        if next < end {
            hasMore = true
            nextPage = Self.cursor("\(next)")
        }
    }

    static func cursor(_ text: String) -> String { "page_" + Data(text.utf8).base64EncodedString() }

    /// Refuses parameters that the provider does not know.
    static func check(_ request: FakeRequest, knows names: [String], lists: [String]) throws(FakeRefusal) {
        for (name, _) in request.query where !names.contains(name) && !lists.contains(name) {
            throw .badRequest("\(name): Extra inputs are not permitted")
        }
    }

    /// Groups items by some of their ids.
    static func groups<Item>(_ items: [Item], by ids: (Item) -> [String?]) -> [[Item]] {
        var groups: [[Item]] = []
        for item in items {
            if let index = groups.firstIndex(where: { ids($0[0]) == ids(item) }) {
                groups[index].append(item)
            } else {
                groups.append([item])
            }
        }
        return groups
    }

    /// Whether a filter permits an id. An empty one permits all.
    static func permits(_ filter: [String], _ id: String?) -> Bool {
        filter.isEmpty || id.map(filter.contains) == true
    }
}
