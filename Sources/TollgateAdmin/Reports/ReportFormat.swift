import HTTPTypes

/// How a report is written.
enum ReportFormat: String {
    case json
    case csv

    /// `format=`, or else what the client says in Accept: CSV where it wants that rather than JSON.
    init(_ query: Query, _ headers: HTTPFields) throws(Problem) {
        if let text = query["format"] {
            guard let format = ReportFormat(rawValue: text) else { throw .badRequest("format: expected json or csv") }
            self = format
        } else {
            let accept = headers[.accept] ?? ""
            self =
                Self.weight(of: "text/csv", in: accept) > Self.weight(of: "application/json", in: accept) ? .csv : .json
        }
    }

    /// The quality (RFC 9110) of a media type that is named as it is: 0 where it is not.
    private static func weight(of type: String, in accept: String) -> Double {
        for range in accept.split(separator: ",") {
            let parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard parts.first == type else { continue }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }
            return quality.map { Double($0.dropFirst(2)) ?? 0 } ?? 1
        }
        return 0
    }
}
