/// A page of a usage or cost report: buckets of time, each with rows that are summed.
struct ReportPage: Equatable {
    /// The figures of a day or an hour.
    struct Bucket: Equatable {
        /// Unix seconds.
        var start: Int64
        var figures: ProviderFigures
    }

    var buckets: [Bucket]
    /// The cursor of the next page; nil for the last one.
    var nextPage: String?

    /// The maximum length of a cursor in bytes.
    private static let maxCursorLength = 2_048

    /// Parses a page.
    ///
    /// - Parameters:
    ///   - width: The length of a bucket in seconds. Each bucket starts at a multiple of it.
    ///   - start: Reads the start of a bucket.
    ///   - figures: Sums the rows of a bucket. There are none if nothing was used, or if nothing is known yet.
    init(
        _ body: some Sequence<UInt8>, width: Int64, start: (ReplyObject) throws(ProviderFailure) -> Int64,
        figures: ([ReplyObject]) throws(ProviderFailure) -> ProviderFigures
    ) throws(ProviderFailure) {
        let page = try ReplyObject(body)
        buckets = []
        for bucket in try page.objects("data") {
            let begin = try start(bucket)
            guard begin >= 0, begin % width == 0 else {
                throw .malformed("\(bucket.name("start")): not the start of a bucket")
            }
            buckets.append(Bucket(start: begin, figures: try figures(try bucket.objects("results"))))
        }
        let next = try page.textIfPresent("next_page")
        // A page without has_more has another one if it names one.
        guard try page.boolIfPresent("has_more") ?? (next != nil) else { return }
        guard let next, (1...Self.maxCursorLength).contains(next.utf8.count) else {
            throw .malformed("next_page: expected 1 to \(Self.maxCursorLength) bytes of text")
        }
        nextPage = next
    }
}
